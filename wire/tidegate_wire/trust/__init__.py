"""Telling genuine from false: a channel statement's Sigstore bundle, a pinned root, a policy of signers.

Steps 1 to 5 of the order of verification (docs/threats.md). Shared by the agent's verifying child and the
publisher, so that what one refuses the other never announces.

| module      | holds                                                  | costs                             |
|-------------|--------------------------------------------------------|-----------------------------------|
| `policy`    | who may sign                                           | nothing                           |
| `root`      | the pinned trusted root, and what of it was valid when | pydantic                          |
| `bundle`    | a bundle's fields, read strictly                       | pydantic                          |
| `shape`     | whether there is anything to verify                    | pydantic                          |
| `evidence`  | what certificate and timestamps claim                  | cryptography                      |
| `describe`  | the same for people, unverified                        | cryptography                      |
| `chain`     | who issued a certificate                               | cryptography                      |
| `gate`      | the policy in sigstore-python's terms                  | sigstore: 0.4 s and 55 MB         |
| `case`      | one verification's facts, and the root narrowed to it  | sigstore                          |
| `diagnosis` | from a refusal to its code and sentence                | sigstore                          |
| `verify`    | the verification itself                                | sigstore                          |

Import the modules themselves: nothing is imported here, so a process that only names signers stays small.
"""
