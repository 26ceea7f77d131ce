#include "PostgresServer.h"

#include <Poco/Exception.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

#include <libpq-fe.h>

namespace Leasehold
{

namespace
{

ServerNature nature(const std::string& kind)
{
    return {.name = kind, .ports = 1, .refusesRoot = true, .startLimit = std::chrono::seconds(120)};
}

PGconn* handle(void* connection)
{
    return static_cast<PGconn*>(connection);
}

/// The library that moves the clock of a process.
std::string fakeTimeLibrary()
{
    for (const auto& folder : std::filesystem::directory_iterator("/usr/lib"))
    {
        const auto library = folder.path() / "faketime" / "libfaketimeMT.so.1";
        std::error_code unreadable; // then it is not there
        if (std::filesystem::exists(library, unreadable))
            return library;
    }
    throw Poco::RuntimeException("libfaketime is missing: install the package libfaketime");
}

pid_t parentOf(const std::filesystem::path& process)
{
    std::ifstream file(process / "stat");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    const auto end = text.rfind(')'); // a name may contain anything
    if (end == std::string::npos)
        return -1;
    std::istringstream rest(text.substr(end + 1));
    std::string state;
    pid_t parent = -1;
    rest >> state >> parent;
    return parent;
}

} // namespace

PostgresServer::PostgresServer(const std::string& kind) : PostgresServer(kind, Options{}) {}

PostgresServer::PostgresServer(const std::string& kind, Options options) :
    ServerProcess(nature(kind)), _programs(fetchedServer(kind).at(0) + "/bin"), _options(std::move(options))
{
    start();
    if (_options.primary == nullptr)
        query("CREATE DATABASE leasehold");
}

PostgresServer::~PostgresServer()
{
    PostgresServer::kill();
}

void PostgresServer::configure()
{
    std::string settings = "listen_addresses = '127.0.0.1'\nport = " + std::to_string(port()) + "\nunix_socket_directories = '" +
                           folder().string() + "'\nmax_connections = 150\nlogging_collector = off\n";
    for (const auto& setting : _options.settings)
        settings += setting + "\n";
    write("server.conf", settings);
    write("hba.conf", _options.hba.empty()
                          ? "local all all trust\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n"
                          : _options.hba);
    write("clock", clockText());
    for (const auto& [file, content] : _options.files)
        write(file, content);
}

std::string PostgresServer::clockText() const
{
    const auto milliseconds = std::abs(_ahead.count());
    return (_ahead.count() < 0 ? "-" : "+") + std::to_string(milliseconds / 1000) + "." +
           std::to_string(1000 + milliseconds % 1000).substr(1) + "\n";
}

std::vector<std::string> PostgresServer::command() const
{
    // initdb refuses a folder that is not its user's own, so it runs as the server does.
    const auto data = (folder() / "data").string();
    std::string make = _programs + "/initdb -D " + data + " -U lease -A trust -E UTF8 --locale=C -N";
    if (_options.primary != nullptr)
        make = "pg_basebackup -R -X stream -c fast -D " + data + " -d '" + _options.primary->connectionString() +
               " application_name=" + folder().filename().string() + "'";
    // Only a finished folder is renamed, because the test may end the server at any time.
    return {"sh", "-c",
            "umask 077; export PATH=\"$PATH:/usr/lib/postgresql/15/bin\"; [ -f " + data + "/PG_VERSION ] || " + make + "; chmod 600 " +
                folder().string() + "/*.key 2>/dev/null; " + "exec " + _programs + "/postgres -D " + data + " -c config_file=" +
                folder().string() + "/server.conf -c hba_file=" + folder().string() + "/hba.conf -c ident_file=" + data + "/pg_ident.conf"};
}

std::vector<std::string> PostgresServer::environment() const
{
    if (!_options.hasMovableClock)
        return {};
    return {"LD_PRELOAD=" + fakeTimeLibrary(), "FAKETIME_TIMESTAMP_FILE=" + (folder() / "clock").string(), "FAKETIME_NO_CACHE=1",
            "DONT_FAKE_MONOTONIC=1"};
}

bool PostgresServer::answers()
{
    return PQping((connectionString() + " dbname=postgres connect_timeout=2").c_str()) == PQPING_OK;
}

void PostgresServer::advanceClock(Milliseconds by)
{
    _ahead += by;
    // The server reads the file at each look at the clock, so it must never see half of it.
    write("clock.new", clockText());
    std::filesystem::rename(folder() / "clock.new", folder() / "clock");
}

PostgreSQLOptions PostgresServer::storeOptions(const std::string& schema) const
{
    PostgreSQLOptions options;
    options.hosts = {"127.0.0.1:" + std::to_string(port())};
    options.user = "lease";
    options.tls = PostgreSQLTls::disable;
    options.schema = schema;
    return options;
}

std::string PostgresServer::connectionString() const
{
    return "host=127.0.0.1 port=" + std::to_string(port()) + " user=lease";
}

PostgresServer::Rows PostgresServer::query(const std::string& sql) const
{
    const bool first = sql.starts_with("CREATE DATABASE leasehold");
    return PostgresSession(connectionString() + " connect_timeout=10 dbname=" + (first ? "postgres" : "leasehold")).query(sql);
}

std::string PostgresServer::value(const std::string& sql) const
{
    return query(sql).at(0).at(0);
}

void PostgresServer::promote()
{
    query("SELECT pg_promote(true, 60)");
}

/// The server and its children, which lead groups of their own.
std::vector<pid_t> PostgresServer::family() const
{
    std::vector<pid_t> members{pid()};
    for (const auto& process : std::filesystem::directory_iterator("/proc"))
    {
        const auto name = process.path().filename().string();
        if (name.find_first_not_of("0123456789") == std::string::npos && parentOf(process.path()) == pid())
            members.push_back(static_cast<pid_t>(std::stol(name)));
    }
    return members;
}

void PostgresServer::stop()
{
    ::kill(pid(), SIGINT);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (answers() || !logContains("database system is shut down"))
    {
        if (std::chrono::steady_clock::now() > deadline)
            throw Poco::RuntimeException(name() + " does not stop; the end of its log:\n" + logTail());
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    kill();
}

void PostgresServer::pause()
{
    ServerProcess::pause(); // it can make no more children
    _paused = family();
    for (const auto member : _paused)
        ::kill(member, SIGSTOP);
}

void PostgresServer::resume()
{
    for (const auto member : _paused)
        ::kill(member, SIGCONT);
    _paused.clear();
    ServerProcess::resume();
}

void PostgresServer::kill()
{
    if (pid() < 0)
        return;
    ::kill(pid(), SIGSTOP);
    const auto members = family();
    for (const auto member : members)
        ::kill(member, SIGKILL);
    _paused.clear();
    ServerProcess::kill();
    // A new server refuses to start while a process of the old one has its memory.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (const auto member : members)
    {
        while (::kill(member, 0) == 0 && std::chrono::steady_clock::now() < deadline)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

PostgresSession::PostgresSession(const std::string& connectionString) : _connection(PQconnectdb(connectionString.c_str()))
{
    PQsetNoticeProcessor(
        handle(_connection), [](void*, const char*) {}, nullptr);
    if (PQstatus(handle(_connection)) == CONNECTION_OK)
        return;
    const std::string message = PQerrorMessage(handle(_connection));
    PQfinish(handle(_connection));
    throw Poco::RuntimeException(message);
}

PostgresSession::~PostgresSession()
{
    PQfinish(handle(_connection));
}

PostgresServer::Rows PostgresSession::query(const std::string& sql)
{
    const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(handle(_connection), sql.c_str()), PQclear);
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        throw Poco::RuntimeException(sql.substr(0, 200) + ": " + PQerrorMessage(handle(_connection)));
    PostgresServer::Rows rows;
    for (int row = 0; row < PQntuples(result.get()); ++row)
    {
        auto& fields = rows.emplace_back();
        for (int column = 0; column < PQnfields(result.get()); ++column)
            fields.emplace_back(PQgetvalue(result.get(), row, column));
    }
    return rows;
}

} // namespace Leasehold
