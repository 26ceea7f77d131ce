#pragma once

#include "PostgresServer.h"

namespace Leasehold
{

/// A pgbouncer in transaction mode before a server.
class PgBouncer : public ServerProcess
{
public:
    /// `setting`: a further line of its configuration.
    explicit PgBouncer(const PostgresServer& server, std::string setting = {}) :
        ServerProcess({.name = "pgbouncer", .ports = 1, .refusesRoot = true}), _program(fetchedServer("pgbouncer").at(0)), _server(server),
        _setting(std::move(setting))
    {
        start();
    }

protected:
    void configure() override
    {
        write("users.txt", "\"lease\" \"\"\n");
        write("pgbouncer.ini", "[databases]\n* = host=127.0.0.1 port=" + std::to_string(_server.port()) +
                                   " user=lease\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " + std::to_string(port()) +
                                   "\nunix_socket_dir =\nauth_type = any\nauth_file = users.txt\npool_mode = transaction\n"
                                   "default_pool_size = 4\nmax_client_conn = 100\n" +
                                   _setting + "\n");
    }
    std::vector<std::string> command() const override { return {_program, "pgbouncer.ini"}; }
    bool answers() override
    {
        try
        {
            PostgresSession("host=127.0.0.1 user=lease dbname=leasehold connect_timeout=2 port=" + std::to_string(port()))
                .query("SELECT 1");
            return true;
        }
        catch (const std::exception&)
        {
            return false; // asked again
        }
    }

private:
    const std::string _program;
    const PostgresServer& _server;
    const std::string _setting;
};

} // namespace Leasehold
