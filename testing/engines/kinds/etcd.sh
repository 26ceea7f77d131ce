# etcd 3.4 and 3.5 from Debian's packages, unpacked and not installed: for each kind the folder with the programs etcd and etcdctl. They run
# on other releases of Debian too.

kinds+=(etcd34 etcd35)

# The mirror of Debian that this machine uses.
debian_mirror()
{
    need apt-get apt
    local mirror
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 'Created-By: Packages' | sed -n 's,/* main$,,p' | grep -v security | head -n 1)
    [ -n "$mirror" ] || fail "apt knows no mirror of Debian: run apt-get update on a machine with Debian, or put etcd and etcdctl into the cache"
    printf '%s\n' "$mirror"
}

# unpack_etcd SUITE FOLDER: the packages of this release of Debian. apt gets folders of its own, so that nothing of the machine changes.
unpack_etcd()
{
    need dpkg-deb dpkg
    local mirror apt
    mirror=$(debian_mirror)
    apt=$work/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$2"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$1" >"$apt/sources.list"
    local options=(-q -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$apt/lists"
        -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User= -o Acquire::Languages=none)
    printf 'fetch: etcd of Debian %s\n' "$1" >&2
    apt-get "${options[@]}" update >&2 || fail "apt could not read the packages of Debian $1"
    (cd "$work" && apt-get "${options[@]}" download etcd-server etcd-client >&2) || fail "apt could not get etcd of Debian $1"
    local package
    for package in "$work"/*.deb; do
        dpkg-deb -x "$package" "$work/unpacked" || fail "cannot unpack $package"
    done
    mv "$work/unpacked/usr/bin"/* "$2"
}

make_etcd34()
{
    unpack_etcd bookworm "$1"
}

make_etcd35()
{
    unpack_etcd trixie "$1"
}

fetch_etcd34()
{
    provide etcd-3.4 make_etcd34
}

fetch_etcd35()
{
    provide etcd-3.5 make_etcd35
}
