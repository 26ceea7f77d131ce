#include <cstring>

#include <dlfcn.h>
#include <netdb.h>

// The program's own getaddrinfo comes before the system's: the name "two-addresses.test" has a dead address and then that of this host.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result)
{
    const auto real = reinterpret_cast<decltype(&getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    if (node == nullptr || std::strcmp(node, "two-addresses.test") != 0)
        return real(node, service, hints, result);
    addrinfo* alive = nullptr;
    if (const int failed = real("127.0.0.1", service, hints, &alive); failed != 0)
        return failed;
    if (const int failed = real("0.0.0.1", service, hints, result); failed != 0)
        return failed;
    addrinfo* last = *result;
    while (last->ai_next != nullptr)
        last = last->ai_next;
    last->ai_next = alive;
    return 0;
}
