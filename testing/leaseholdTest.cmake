# leasehold_test(NAME SOURCES file... LINKS target... [SERVER] [PARTS text...])
#
# A CppUnit program, registered with ctest under its name. It runs in its build folder: no test may depend on where it is started. SERVER marks one that starts a server:
# `testing/run --quick` leaves it out. PARTS: the tests whose names contain the same text have a process of their own, beside another;
# ctest counts such a program as two.
function(leasehold_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SERVER" "" "SOURCES;LINKS;PARTS")
    add_executable(${name} ${arg_SOURCES})
    leasehold_compile_options(${name})
    target_link_libraries(${name} PRIVATE Leasehold::Conformance ${arg_LINKS})
    set(command ${name})
    if(arg_PARTS)
        set(command ${PROJECT_SOURCE_DIR}/testing/inParts $<TARGET_FILE:${name}> ${arg_PARTS})
    endif()
    add_test(NAME ${name} COMMAND ${command})
    set_tests_properties(${name} PROPERTIES TIMEOUT 900)
    if(arg_PARTS)
        set_tests_properties(${name} PROPERTIES PROCESSORS 2)
    endif()
    if(arg_SERVER)
        set_tests_properties(${name} PROPERTIES LABELS server TIMEOUT 1800)
        if(LEASEHOLD_SANITIZE STREQUAL thread) # built when asked for: testing/run does not run it
            set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
        endif()
    endif()
endfunction()
