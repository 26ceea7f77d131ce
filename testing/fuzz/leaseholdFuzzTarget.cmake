set_property(GLOBAL PROPERTY LEASEHOLD_FUZZ_TARGETS "")

# leasehold_fuzz_target(NAME [SOURCES file...] [LINKS target...] [INCLUDES folder...])
#
# A fuzz target: NAMETarget.cpp defines the function `void Leasehold::Fuzz::NAME(std::string_view)` (fuzzing.h), and corpus/NAME has its
# first inputs. LINKS and INCLUDES: what it needs; the parsers are private parts of theirs.
function(leasehold_fuzz_target name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS;INCLUDES")
    add_library(LeaseholdFuzz_${name} STATIC ${name}Target.cpp ${arg_SOURCES})
    leasehold_compile_options(LeaseholdFuzz_${name})
    target_include_directories(LeaseholdFuzz_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${arg_INCLUDES})
    target_link_libraries(LeaseholdFuzz_${name} PUBLIC LeaseholdFuzzing PRIVATE ${arg_LINKS})
    set_property(GLOBAL APPEND PROPERTY LEASEHOLD_FUZZ_TARGETS ${name})
    set_property(GLOBAL PROPERTY LEASEHOLD_FUZZ_${name}_CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
    if(LEASEHOLD_FUZZ)
        add_executable(fuzz-${name} ${PROJECT_SOURCE_DIR}/testing/fuzz/FuzzerEntry.cpp)
        leasehold_compile_options(fuzz-${name})
        target_compile_definitions(fuzz-${name} PRIVATE FUZZ_TARGET=${name})
        target_link_options(fuzz-${name} PRIVATE -fsanitize=fuzzer)
        target_link_libraries(fuzz-${name} PRIVATE LeaseholdFuzz_${name})
        set_target_properties(fuzz-${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/testing/fuzz)
    endif()
endfunction()

# leasehold_corpus_tests(TARGET): the program that runs every target on its corpus without a fuzzer.
function(leasehold_corpus_tests target)
    get_property(names GLOBAL PROPERTY LEASEHOLD_FUZZ_TARGETS)
    set(declarations "")
    set(rows "")
    leasehold_test(${target} SOURCES CorpusTest.cpp Main.cpp LINKS LeaseholdFuzzing)
    foreach(name ${names})
        get_property(corpus GLOBAL PROPERTY LEASEHOLD_FUZZ_${name}_CORPUS)
        string(APPEND declarations "void ${name}(std::string_view input);\n")
        string(APPEND rows "        {\"${name}\", \"${corpus}\", ${name}},\n")
        target_link_libraries(${target} PRIVATE LeaseholdFuzz_${name})
    endforeach()
    file(CONFIGURE OUTPUT fuzzTargets.cpp @ONLY CONTENT "// Made by testing/fuzz/leaseholdFuzzTarget.cmake.
#include \"fuzzTargets.h\"

namespace Leasehold::Fuzz
{

${declarations}
const std::vector<FuzzTarget>& fuzzTargets()
{
    static const std::vector<FuzzTarget> targets{
${rows}    };
    return targets;
}

} // namespace Leasehold::Fuzz
")
    target_sources(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/fuzzTargets.cpp)
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
endfunction()
