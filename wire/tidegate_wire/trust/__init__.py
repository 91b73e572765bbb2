"""Telling genuine from false: a channel statement's Sigstore bundle, a pinned root, a policy of signers.

Steps 1 to 5 and 8 of the order of verification (docs/threats.md). Shared by the agent's verifying child and
the publisher, so that what one refuses the other never announces.

| module       | holds                                                  | costs                             |
|--------------|--------------------------------------------------------|-----------------------------------|
| `rules`      | what a certificate has to say                          | nothing                           |
| `policy`     | who may sign                                           | nothing                           |
| `settings`   | the same, as a person writes it down                   | pydantic                          |
| `pem`        | whether a file may hold a public key                   | nothing                           |
| `words`      | a stranger's text, fit for a sentence                  | nothing                           |
| `root`       | the pinned trusted root, and what of it was valid when | pydantic                          |
| `bundle`     | a bundle's fields, read strictly                       | pydantic                          |
| `shape`      | whether there is anything to verify                    | pydantic                          |
| `cosigned`   | several signers' bundles in one message                | pydantic                          |
| `signed`     | what verifying one bundle comes to                     | nothing                           |
| `image_search` | where an image's signatures are looked for          | pydantic, urllib3                 |
| `dsse`       | what an envelope signs, and whether a key did          | cryptography                      |
| `keys`       | verification with key pairs                            | cryptography                      |
| `evidence`   | what certificate and timestamps claim                  | cryptography                      |
| `describe`   | the same for people, unverified                        | cryptography                      |
| `chain`      | who issued a certificate                               | cryptography                      |
| `timestamps` | who made a timestamp                                   | cryptography                      |
| `gate`       | the policy as sigstore-python asks it                  | sigstore: 0.4 s and 55 MB         |
| `case`       | one verification's facts, and the root narrowed to it  | sigstore                          |
| `diagnosis`  | from a refusal to its code and sentence                | sigstore                          |
| `keyless`    | verification with certificates                         | sigstore                          |
| `signature`  | one bundle, by certificate or key                      | sigstore, once it is needed       |
| `verify`     | a channel's statement, a request to a host             | the same                          |
| `usable`     | whether a root that came can take over                 | the same                          |
| `image`      | an image's own signatures                              | the same                          |

Import the modules themselves: nothing is imported here, so a process that only names signers stays small.
"""
