# The target `docs`: the API documentation, in docs/html of the build folder. Each warning of Doxygen is an error, and a public name without
# a comment is a warning. Without Doxygen there is no such target.
find_package(Doxygen QUIET)
if(NOT DOXYGEN_FOUND)
    return()
endif()

# The public headers of all parts, also of those that this build leaves out.
file(GLOB headers framework/include/Leasehold backends/include/Leasehold backends/*/include/Leasehold
    testing/support/include/Leasehold testing/conformance/include/Leasehold)
# The main page links to the READMEs of the folders, and these to other pages there.
file(GLOB pages RELATIVE ${PROJECT_SOURCE_DIR} README.md */*.md */*/*.md)
list(FILTER pages EXCLUDE REGEX ^build/)

set(DOXYGEN_USE_MDFILE_AS_MAINPAGE ${PROJECT_SOURCE_DIR}/README.md)
set(DOXYGEN_EXAMPLE_PATH samples)
set(DOXYGEN_OUTPUT_DIRECTORY docs)
set(DOXYGEN_STRIP_FROM_PATH ${PROJECT_SOURCE_DIR})
list(TRANSFORM headers REPLACE /Leasehold$ "" OUTPUT_VARIABLE DOXYGEN_STRIP_FROM_INC_PATH)
set(DOXYGEN_EXCLUDE_SYMBOLS Leasehold::Detail)
set(DOXYGEN_PREDEFINED LEASEHOLD_EXPORT=)
set(DOXYGEN_MACRO_EXPANSION YES)
set(DOXYGEN_EXPAND_ONLY_PREDEF YES)
set(DOXYGEN_JAVADOC_AUTOBRIEF YES)
set(DOXYGEN_HAVE_DOT NO)
set(DOXYGEN_QUIET YES)
set(DOXYGEN_EXTRACT_ALL NO)
set(DOXYGEN_WARN_IF_UNDOCUMENTED YES)
set(DOXYGEN_WARN_AS_ERROR FAIL_ON_WARNINGS)
doxygen_add_docs(docs ${headers} ${pages} COMMENT "API documentation")

# Once is enough: not in the sanitized builds.
if(LEASEHOLD_TESTING AND NOT LEASEHOLD_SANITIZE)
    add_test(NAME leasehold-docs COMMAND ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR} --target docs)
endif()
