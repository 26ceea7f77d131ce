#include "ToolBench.h"

#include "Leasehold/Store/StoreRegistry.h"
#include "Leasehold/registerBuiltinStores.h"
#include "Leasehold/waitUntil.h"

#include <cppunit/TestAssert.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace Leasehold
{

ToolBench::ToolBench(const std::string& storeUrl)
{
    auto pattern = (std::filesystem::temp_directory_path() / "leasehold-tools-XXXXXX").string();
    CPPUNIT_ASSERT(::mkdtemp(pattern.data()) != nullptr);
    _folder = pattern;
    _storeUrl = storeUrl.empty() ? "sqlite://" + path("locks.db") : storeUrl;
    StoreRegistry registry;
    registerBuiltinStores(registry);
    _locks = std::make_unique<LockManagerService>(registry.open(_storeUrl));
    _locks->check();
}

ToolBench::~ToolBench()
{
    _locks.reset();
    std::error_code ignored; // a temporary folder that stays is no failure of the test
    std::filesystem::remove_all(_folder, ignored);
}

ToolProcess ToolBench::tool(const std::vector<std::string>& words, ToolProcess::Options how) const
{
    std::vector<std::string> all{LEASEHOLD_TOOL, "--store", storeUrl()};
    all.insert(all.end(), words.begin(), words.end());
    return program(all, std::move(how));
}

ToolProcess ToolBench::program(const std::vector<std::string>& words, ToolProcess::Options how) const
{
    how.folder = _folder;
    return ToolProcess(words, how);
}

ToolProcess ToolBench::run(const std::vector<std::string>& options, const std::string& name, const std::string& script,
                           ToolProcess::Options how) const
{
    std::vector<std::string> words{"run"};
    words.insert(words.end(), options.begin(), options.end());
    for (const auto& word : {name, std::string("--"), std::string("/bin/sh"), std::string("-c"), script, std::string("sh"), _folder,
                             std::string(LEASEHOLD_SIGN_OF_LIFE)})
        words.push_back(word);
    return tool(words, std::move(how));
}

StoreBlocker::StoreBlocker(const ToolBench& bench)
{
    CPPUNIT_ASSERT_EQUAL(SQLITE_OK, ::sqlite3_open(bench.path("locks.db").c_str(), &_connection));
    ::sqlite3_busy_timeout(_connection, 10'000);
    CPPUNIT_ASSERT_EQUAL(SQLITE_OK, ::sqlite3_exec(_connection, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr));
}

StoreBlocker::~StoreBlocker()
{
    ::sqlite3_close(_connection);
}

SignOfLife SignOfLife::read(const std::string& path)
{
    SignOfLife life;
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(&life.first), sizeof life.first);
    file.read(reinterpret_cast<char*>(&life.last), sizeof life.last);
    file.read(reinterpret_cast<char*>(&life.term), sizeof life.term);
    return life;
}

void waitForLife(const std::string& path)
{
    CPPUNIT_ASSERT_MESSAGE(path, waitUntil([&] { return SignOfLife::read(path).last != 0; }, std::chrono::seconds{60}));
}

bool isStill(const std::string& path)
{
    const auto before = SignOfLife::read(path).last;
    return !waitUntil([&] { return SignOfLife::read(path).last != before; }, Milliseconds{100});
}

} // namespace Leasehold
