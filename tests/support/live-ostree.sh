#!/bin/sh
# `ostree` on a host that runs from one of its deployments, without a machine that booted it.
#
#     live-ostree.sh FOLDER PROGRAM ARGUMENT...
#
# runs a program with the deployment that FOLDER/booted leads to as its root, FOLDER/sysroot as /sysroot and
# FOLDER/run as /run, in namespaces of its own: that is all by which libostree knows what is booted. /usr is what
# FOLDER/usr leads to, with FOLDER/programs first on the PATH: a `systemctl` there that does nothing, since the
# unit that libostree would have systemd start is the test's own doing. Needs root.
set -eu
if [ "$1" != --inside ]; then
    exec unshare --mount --pid --fork --kill-child sh "$0" --inside "$@"
fi
folder=$2
shift 2
root=$folder/root
mount --bind "$(readlink -f "$folder/booted")" "$root"
mount --bind "$(readlink -f "$folder/usr")" "$root/usr"
mount --bind "$folder/programs" "$root/usr/local/sbin"
mount --bind "$folder/sysroot" "$root/sysroot"
mount --bind "$folder/sysroot/boot" "$root/boot"
mount --bind "$folder/run" "$root/run"
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
# Paths of the sysroot as they are inside.
for word; do
    shift
    case $word in
    *"$folder/sysroot"*) word="${word%%"$folder/sysroot"*}/sysroot${word#*"$folder/sysroot"}" ;;
    esac
    set -- "$@" "$word"
done
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
exec chroot "$root" "$@"
