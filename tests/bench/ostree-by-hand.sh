#!/bin/sh
# An image as an ostree deployment, as a person does it with the tools that there are.
#
#     ostree-by-hand.sh REFERENCE SYSROOT SCRATCH OS_NAME
set -eu
reference=$1 sysroot=$2 scratch=$3 os=$4
mkdir "$scratch"
skopeo copy -q --src-tls-verify=false "docker://$reference" "oci:$scratch/layout:image"
umoci unpack --image "$scratch/layout:image" "$scratch/bundle"
# The tree that a host boots (libostree, "Deployments"): configuration in /usr/etc, nothing in /var or /dev.
cd "$scratch/bundle/rootfs"
mv etc usr/etc
mkdir -p usr/share/factory sysroot
mv var usr/share/factory/var
mkdir var
ln -s sysroot/ostree ostree
find dev -mindepth 1 -delete
cd /
# Without --consume, which would be faster: it puts every file in place of the one that the repository has already,
# and what an older deployment shares with this one would be on the disk twice (libostree 2022.7).
ostree commit --repo="$sysroot/ostree/repo" --branch="$os" --bootable --tree=dir="$scratch/bundle/rootfs"
ostree admin deploy --sysroot="$sysroot" --os="$os" "$os"
rm -rf "$scratch"
