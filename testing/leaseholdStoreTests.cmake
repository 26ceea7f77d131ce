# The declaration of testing/backends/NAME, and the programs that are made from it.

set_property(GLOBAL PROPERTY LEASEHOLD_STORAGES "")
set_property(GLOBAL PROPERTY LEASEHOLD_BENCHES "")

# leasehold_store_tests(NAME ADAPTER file... [LINKS target...] [KINDS kind...] [SERVER] [WITHOUT part...] [BENCH file... [BENCH_KINDS kind...]])
#
# One of the files of ADAPTER defines `std::unique_ptr<StorageAdapter> NAMEStorage(const std::string& kind)` in the namespace Leasehold.
# KINDS: the servers or versions that it can start, as in the names of the tests; the first one is the usual one. Without KINDS there is
# one, called NAME. SERVER: it starts a server. From this follow:
#   leasehold-NAME-endtoend-tests   the suites of testing/endtoend on each kind
#   leasehold-NAME-faults-tests     the workload of testing/faults on the usual kind
#   leasehold-configured-tests      one program on one store after the other, this one among them
# WITHOUT: the programs, `endtoend` or `faults`, that cannot run on the storage.
# BENCH: see leasehold_store_bench. BENCH_KINDS: the kinds that leasehold-bench measures, if they are not KINDS.
function(leasehold_store_tests name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SERVER" "" "ADAPTER;LINKS;KINDS;WITHOUT;BENCH;BENCH_KINDS")
    if(NOT arg_KINDS)
        set(arg_KINDS ${name})
    endif()
    set(server)
    if(arg_SERVER)
        set(server SERVER)
    endif()
    set_property(GLOBAL APPEND PROPERTY LEASEHOLD_STORAGES ${name})
    set_property(GLOBAL PROPERTY LEASEHOLD_STORAGE_${name}_KINDS ${arg_KINDS})
    set_property(GLOBAL PROPERTY LEASEHOLD_STORAGE_${name}_SERVER ${arg_SERVER})

    leasehold_backend_get(component ${name} COMPONENT)
    add_library(LeaseholdTestStorage_${name} STATIC ${arg_ADAPTER})
    leasehold_compile_options(LeaseholdTestStorage_${name})
    target_link_libraries(LeaseholdTestStorage_${name} PUBLIC LeaseholdTestStorage PRIVATE Leasehold::${component} ${arg_LINKS})

    if(NOT endtoend IN_LIST arg_WITHOUT)
        set(parts)
        list(LENGTH arg_KINDS count)
        if(count GREATER 1)
            set(parts PARTS ${arg_KINDS})
        endif()
        leasehold_test(leasehold-${name}-endtoend-tests SOURCES LINKS LeaseholdEndToEndTests ${server} ${parts})
        leasehold_storages(leasehold-${name}-endtoend-tests ${name})
    endif()
    if(NOT faults IN_LIST arg_WITHOUT)
        leasehold_test(leasehold-${name}-faults-tests SOURCES LINKS LeaseholdFaultsTests ${server})
        leasehold_storages(leasehold-${name}-faults-tests ${name})
    endif()
    if(arg_BENCH)
        if(NOT arg_BENCH_KINDS)
            set(arg_BENCH_KINDS ${arg_KINDS})
        endif()
        leasehold_store_bench(${name} SOURCES ${arg_BENCH} LINKS LeaseholdTestStorage_${name} ${arg_LINKS} KINDS ${arg_BENCH_KINDS} ${server})
    endif()
endfunction()

# leasehold_store_bench(NAME SOURCES file... [LINKS target...] KINDS kind... [SERVER])
#
# What leasehold-bench needs to measure the store. One of the files defines `std::unique_ptr<StorageBench> NAMEBench(const std::string& kind)`
# in the namespace Leasehold::Bench (testing/bench/src/StorageBench.h). The target is LeaseholdBench_NAME. Without a list of storages
# leasehold-bench measures the first of KINDS, or all of them if they need no server, and no store that is only for tests.
function(leasehold_store_bench name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SERVER" "" "SOURCES;LINKS;KINDS")
    set_property(GLOBAL APPEND PROPERTY LEASEHOLD_BENCHES ${name})
    set_property(GLOBAL PROPERTY LEASEHOLD_BENCH_${name}_KINDS ${arg_KINDS})
    set_property(GLOBAL PROPERTY LEASEHOLD_BENCH_${name}_SERVER ${arg_SERVER})
    leasehold_backend_get(component ${name} COMPONENT)
    add_library(LeaseholdBench_${name} STATIC ${arg_SOURCES})
    leasehold_compile_options(LeaseholdBench_${name})
    target_include_directories(LeaseholdBench_${name} PUBLIC bench)
    target_link_libraries(LeaseholdBench_${name} PUBLIC LeaseholdBenchHarness PRIVATE Leasehold::${component} ${arg_LINKS})
endfunction()

# leasehold_benches(TARGET): gives TARGET the definition of benchKinds(), with the kinds of all stores.
function(leasehold_benches target)
    set(declarations "")
    set(kinds "")
    get_property(names GLOBAL PROPERTY LEASEHOLD_BENCHES)
    foreach(name ${names})
        get_property(kindsOfStore GLOBAL PROPERTY LEASEHOLD_BENCH_${name}_KINDS)
        get_property(isServer GLOBAL PROPERTY LEASEHOLD_BENCH_${name}_SERVER)
        leasehold_backend_get(isOneProcess ${name} ONE_PROCESS)
        leasehold_backend_get(forTests ${name} FOR_TESTS)
        string(TOLOWER "${isServer}, ${isOneProcess}" natures)
        set(isUsual true)
        if(forTests)
            set(isUsual false)
        endif()
        string(APPEND declarations "std::unique_ptr<StorageBench> ${name}Bench(const std::string& kind);\n")
        foreach(kind ${kindsOfStore})
            string(APPEND kinds "        {\"${kind}\", ${natures}, ${isUsual}, [] { return ${name}Bench(\"${kind}\"); }},\n")
            if(isServer)
                set(isUsual false)
            endif()
        endforeach()
        target_link_libraries(${target} PRIVATE LeaseholdBench_${name})
    endforeach()
    file(CONFIGURE OUTPUT ${target}Kinds.cpp @ONLY CONTENT "// Made by testing/leaseholdStoreTests.cmake.
#include \"StorageBench.h\"

namespace Leasehold::Bench
{

${declarations}
const std::vector<BenchKind>& benchKinds()
{
    static const std::vector<BenchKind> kinds{
${kinds}    };
    return kinds;
}

} // namespace Leasehold::Bench
")
    target_sources(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/${target}Kinds.cpp)
endfunction()

# leasehold_storages(TARGET name...): gives TARGET the definition of storageKinds(), with the kinds of these stores.
function(leasehold_storages target)
    set(declarations "")
    set(kinds "")
    foreach(name ${ARGN})
        get_property(names GLOBAL PROPERTY LEASEHOLD_STORAGE_${name}_KINDS)
        get_property(isServer GLOBAL PROPERTY LEASEHOLD_STORAGE_${name}_SERVER)
        string(TOLOWER ${isServer} hasServer)
        string(APPEND declarations "std::unique_ptr<StorageAdapter> ${name}Storage(const std::string& kind);\n")
        foreach(kind ${names})
            string(APPEND kinds "        {\"${kind}\", \"${name}\", ${hasServer}, [] { return ${name}Storage(\"${kind}\"); }},\n")
        endforeach()
        target_link_libraries(${target} PRIVATE LeaseholdTestStorage_${name})
    endforeach()
    file(CONFIGURE OUTPUT ${target}Storages.cpp @ONLY CONTENT "// Made by testing/leaseholdStoreTests.cmake.
#include \"StorageAdapter.h\"

namespace Leasehold
{

${declarations}
const std::vector<StorageKind>& storageKinds()
{
    static const std::vector<StorageKind> kinds{
${kinds}    };
    return kinds;
}

} // namespace Leasehold
")
    target_sources(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/${target}Storages.cpp)
endfunction()

# leasehold_storage_names(RESULT [EMBEDDED]): the stores that have an adapter. EMBEDDED: those that need no server.
function(leasehold_storage_names result)
    cmake_parse_arguments(PARSE_ARGV 1 arg "EMBEDDED" "" "")
    get_property(names GLOBAL PROPERTY LEASEHOLD_STORAGES)
    set(selected)
    foreach(name ${names})
        get_property(isServer GLOBAL PROPERTY LEASEHOLD_STORAGE_${name}_SERVER)
        if(NOT (arg_EMBEDDED AND isServer))
            list(APPEND selected ${name})
        endif()
    endforeach()
    set(${result} ${selected} PARENT_SCOPE)
endfunction()
