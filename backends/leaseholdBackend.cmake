# The manifest of a backend, and the targets that are made from it.

set_property(GLOBAL PROPERTY LEASEHOLD_BACKENDS "")
option(LEASEHOLD_NETWORK "Build the stores that need a network, unless the option of a store says otherwise" ON)

# leasehold_backend(NAME COMPONENT Component CLASS Class ABOUT text URLS url... [NETWORK] [USES_NET] [ONE_PROCESS] [USER_STORE]
#                   [FOR_TESTS] [OPTIONAL] [NEEDS backend...] SOURCES file... [LINKS target...] [PRIVATE_LINKS target...] [PACKAGES text...] [PKG_CONFIG module...])
#
# The manifest of backends/NAME. NAME is the store's type in a configuration. There is an option LEASEHOLD_NAME to leave it out, and a
# library and installed component Leasehold::Component (SOURCES to PKG_CONFIG: see leasehold_component). Its public header
# Leasehold/Class.h declares registerComponentStore.
# ABOUT: the storage and its purpose in a few words. URLS: the forms of its URLs as StoreRegistry::urls shows them, the usual
# one first. Help, manual page, completion and package description show both.
# NETWORK: the command-line program loads the store only when it is asked for it, and LEASEHOLD_NETWORK leaves it out. USES_NET: it is
# built on backends/net, whose objects become a part of it. ONE_PROCESS: no other process sees its locks, so that program refuses it. USER_STORE: that program uses it, by a
# path, for the user's own locks when no store is configured. FOR_TESTS: programs do not get it by registerBuiltinStores.
# OPTIONAL: without its packages it is left out, and CMake says so; without the word that is an error. NEEDS: other backends, without which
# it is left out too.
function(leasehold_backend name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "NETWORK;USES_NET;ONE_PROCESS;USER_STORE;FOR_TESTS;OPTIONAL" "COMPONENT;CLASS;ABOUT"
        "URLS;NEEDS;SOURCES;LINKS;PRIVATE_LINKS;PACKAGES;PKG_CONFIG")
    string(TOUPPER LEASEHOLD_${name} option)
    set(default ON)
    if(arg_NETWORK)
        set(default ${LEASEHOLD_NETWORK})
    endif()
    option(${option} "Build the store ${name}" ${default})
    set(enabled ${${option}})
    foreach(need ${arg_NEEDS})
        string(TOUPPER LEASEHOLD_${need} other)
        if(NOT ${other})
            set(enabled OFF)
        endif()
    endforeach()
    if(NOT enabled)
        return()
    endif()
    if(arg_USES_NET)
        list(APPEND arg_SOURCES $<TARGET_OBJECTS:LeaseholdNet>)
        list(APPEND arg_PRIVATE_LINKS Poco::Net OpenSSL::SSL Threads::Threads)
        list(APPEND arg_PACKAGES "Poco 1.11 COMPONENTS Foundation Net" OpenSSL)
    endif()
    if(arg_OPTIONAL)
        leasehold_requirements(${arg_COMPONENT} "" "${arg_PACKAGES}" "${arg_PKG_CONFIG}")
        include(${CMAKE_CURRENT_BINARY_DIR}/Leasehold${arg_COMPONENT}Requires.cmake)
        if(Leasehold_${arg_COMPONENT}_MISSING)
            list(JOIN Leasehold_${arg_COMPONENT}_MISSING ", " missing)
            message(NOTICE "The store ${name} is left out, because it needs ${missing}: install it, or set ${option}=OFF.")
            return()
        endif()
    endif()
    leasehold_component(${arg_COMPONENT} SOURCES ${arg_SOURCES} LINKS Leasehold::Framework ${arg_LINKS} PRIVATE_LINKS ${arg_PRIVATE_LINKS}
        PACKAGES ${arg_PACKAGES} PKG_CONFIG ${arg_PKG_CONFIG})
    if(arg_USES_NET)
        target_include_directories(Leasehold${arg_COMPONENT} PRIVATE $<TARGET_PROPERTY:LeaseholdNet,INTERFACE_INCLUDE_DIRECTORIES>)
    endif()
    set_property(GLOBAL APPEND PROPERTY LEASEHOLD_BACKENDS ${name})
    foreach(property COMPONENT CLASS ABOUT URLS NETWORK ONE_PROCESS USER_STORE FOR_TESTS)
        set_property(GLOBAL PROPERTY LEASEHOLD_BACKEND_${name}_${property} "${arg_${property}}")
    endforeach()
endfunction()

# leasehold_backends(RESULT [LIGHT | PRODUCTION]): the names of the backends that are built. LIGHT: of production, and without a network.
function(leasehold_backends result)
    cmake_parse_arguments(PARSE_ARGV 1 arg "LIGHT;PRODUCTION" "" "")
    get_property(names GLOBAL PROPERTY LEASEHOLD_BACKENDS)
    set(selected)
    foreach(name ${names})
        leasehold_backend_get(network ${name} NETWORK)
        leasehold_backend_get(forTests ${name} FOR_TESTS)
        if(NOT ((arg_LIGHT AND (network OR forTests)) OR (arg_PRODUCTION AND forTests)))
            list(APPEND selected ${name})
        endif()
    endforeach()
    set(${result} ${selected} PARENT_SCOPE)
endfunction()

# leasehold_backend_get(RESULT NAME PROPERTY): a property of the manifest.
function(leasehold_backend_get result name property)
    get_property(value GLOBAL PROPERTY LEASEHOLD_BACKEND_${name}_${property})
    set(${result} ${value} PARENT_SCOPE)
endfunction()

# leasehold_registration(TARGET HEADER FUNCTION backend...): gives TARGET the definition of FUNCTION(StoreRegistry&), which HEADER
# declares and which registers these backends, and links them.
function(leasehold_registration target header function)
    set(includes "")
    set(calls "")
    foreach(name ${ARGN})
        leasehold_backend_get(component ${name} COMPONENT)
        leasehold_backend_get(class ${name} CLASS)
        string(APPEND includes "#include \"Leasehold/${class}.h\"\n")
        string(APPEND calls "    Leasehold::register${component}Store(registry);\n")
        target_link_libraries(${target} PUBLIC Leasehold::${component})
    endforeach()
    file(CONFIGURE OUTPUT ${target}Registration.cpp @ONLY CONTENT "// Made by backends/leaseholdBackend.cmake from the manifests of the backends.
#include \"${header}\"

#include \"Leasehold/Store/StoreRegistry.h\"
${includes}
void ${function}([[maybe_unused]] Leasehold::StoreRegistry& registry)
{
${calls}}
")
    target_sources(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/${target}Registration.cpp)
endfunction()
