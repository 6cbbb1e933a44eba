#!/bin/sh
# The RepoDigests and the id of an image that was built on the host, with Docker Engine's containerd image store.
#
# One would guess: RepoDigests are empty until the image was pushed to a registry or pulled from one (so that a digest there
# proves that some registry has it), and an image that is saved and loaded elsewhere has the same id there.
# What happens with 28.5.2 and `containerd-snapshotter` (the default of fresh installations from 29 on): the image that was
# just built, of a name without any registry in it, has a RepoDigest, and its id is that digest of its manifest. With the
# other store (overlay2) the list is empty and the id is the digest of the configuration; saved from one and loaded into the
# other, the image has another id. Scripts that pin `{{index .RepoDigests 0}}`, or compare ids between hosts, take note.
#
#   overlay2: RepoDigests []
#   containerd: RepoDigests ["mine@ID"], where ID is the image's id
#   the same image, loaded from overlay2 into containerd: another id
. "$(dirname "$0")/engine.sh"

of_image() { on "$1" docker image inspect mine --format "$2"; }

start overlay2 28.5.2
start containerd 28.5.2 --feature containerd-snapshotter=true
for store in overlay2 containerd; do
  printf 'FROM busybox\nLABEL a=b\n' | DOCKER_BUILDKIT=0 on $store docker build -q -t mine - >/dev/null 2>&1
done
expect 'overlay2: RepoDigests' "$(of_image overlay2 '{{json .RepoDigests}}')" '[]'
id=$(of_image containerd '{{.Id}}')
expect 'containerd: RepoDigests' "$(of_image containerd '{{json .RepoDigests}}' | sed "s/$id/ID/")" '["mine@ID"]'
on overlay2 docker save -o "$work/mine.tar" mine
on containerd docker load -q -i "$work/mine.tar" >/dev/null
same=another
[ "$(of_image overlay2 '{{.Id}}')" != "$(of_image containerd '{{.Id}}')" ] || same='the same'
expect 'the same image, loaded from overlay2 into containerd' "$same id" 'another id'
