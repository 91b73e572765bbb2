"""The ostree image engine: any host with libostree becomes an image-mode host, without bootc.

An OCI image becomes an ostree commit, and that a deployment beside the running one; the `ostree` command does
all that touches repository and boot loader.

- `engine`: the port itself: stage, activate, rollback, discard, status
- `host`: where libostree is
- `staging`: one staging, step by step
- `packing`, `ustar`, `feeding`: a layer through our own reader into a commit that only holds its files
- `hosttree`, `factory`, `kernel`: pure; the merged image as the tree that an ostree host boots
- `assembly`: that tree on disk, made of links into the layers' checkouts
- `limited`, `repository`: the command with its limits; commits, refs and their labels
- `deployments`: pure; what `ostree admin status` tells, and which deployment is for what
- `sysroot`: deploying, undeploying, making one the default
- `turn`: whose turn comes with the next boot; what is staged, armed, taken back
- `bootspace`: room for kernels
- `workplace`, `writable`: the folder for unfinished work, the lock, a sysroot that is mounted read-only
- `account`: what the commits keep in mind; what no deployment needs any more
- `housekeeping`: when space is given back
"""
