// The Elasticsearch store without an engine: a server on the loopback that answers like a node while this program runs.
//
//   fake_elasticsearch [PORT] [FAULT=PERCENT ...]
//
// PORT: without it any that is free. Each FAULT (one of those that it names when asked wrongly) meets so many percent of the requests, as
// in "fake_elasticsearch 9200 overloaded=5 resetAfter=1". Ctrl-C ends it, and its data with it.

#include <Leasehold/FakeElasticsearchServer.h>

#include <charconv>
#include <csignal>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <pthread.h>

#include <Poco/Exception.h>

using namespace std::chrono_literals;
using Leasehold::FakeFault;

namespace
{

const std::map<std::string_view, FakeFault> faults{
    {"conflict", FakeFault::conflict()},
    {"cut", FakeFault::cut()},
    {"delay", FakeFault::delay(500ms)},
    {"diskFull", FakeFault::diskFull()},
    {"hang", FakeFault::hang()},
    {"html", FakeFault::html()},
    {"overloaded", FakeFault::overloaded()},
    {"resetAfter", FakeFault::resetAfter()},
    {"resetBefore", FakeFault::resetBefore()},
    {"unavailable", FakeFault::unavailable()},
};

int usage(std::string_view argument)
{
    std::cerr << "fake_elasticsearch: \"" << argument << "\" is neither a port (1 to 65535) nor FAULT=PERCENT (0 to 100) with one of:";
    for (const auto& [name, unused] : faults)
        std::cerr << ' ' << name;
    std::cerr << "\nusage: fake_elasticsearch [PORT] [FAULT=PERCENT ...]\n";
    return 64;
}

std::optional<int> number(std::string_view text, int least, int most)
{
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole && value >= least && value <= most ? std::optional(value) : std::nullopt;
}

} // namespace

int main(int argc, char** argv)
{
    // Before the server has threads, so that the signal waits for us and not for one of them.
    sigset_t endings;
    sigemptyset(&endings);
    sigaddset(&endings, SIGINT);
    sigaddset(&endings, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &endings, nullptr);

    Leasehold::FakeElasticsearchOptions options{.clock = Leasehold::TimeSource::system()}; // its time passes as ours does
    std::map<std::string_view, int> chances;
    for (int i = 1; i < argc; ++i)
    {
        const std::string_view argument = argv[i];
        const auto equals = argument.find('=');
        if (const auto port = number(argument, 1, 65535))
            options.port = static_cast<std::uint16_t>(*port);
        else if (const auto percent = equals == std::string_view::npos ? std::nullopt : number(argument.substr(equals + 1), 0, 100);
                 percent && faults.contains(argument.substr(0, equals)))
            chances[argument.substr(0, equals)] = *percent;
        else
            return usage(argument);
    }

    try
    {
        Leasehold::FakeElasticsearchServer server(options);
        for (const auto& [name, percent] : chances)
            server.faults().byChance(percent / 100.0, faults.at(name));

        const auto store = "elasticsearch+" + server.url() + "/leasehold";
        std::cout << "A fake Elasticsearch listens on " << server.url() << ". Ctrl-C ends it, and its data with it.\n"
                  << "The store for your locks there: " << store << "\n\n"
                  << "    leasehold --store " << store << " run nightly -- sleep 60\n"
                  << "    leasehold --store " << store << " list\n"
                  << std::endl;

        int signal = 0;
        sigwait(&endings, &signal);
        std::cout << "\nIt answered " << server.requests() << " requests; a fault met " << server.faults().injected() << " of them.\n";
        return 0;
    }
    catch (const Poco::Exception& problem)
    {
        std::cerr << "fake_elasticsearch: cannot listen on port " << options.port << ": " << problem.displayText() << '\n';
        return 1;
    }
}
