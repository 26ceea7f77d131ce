#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace Leasehold
{

/// A server on a free loopback port or a unix socket. A function of the test is its behaviour on each connection, so it can answer wrongly
/// in every way.
class ScriptedServer
{
public:
    /// One connection, as its function sees it.
    class Conversation
    {
    public:
        explicit Conversation(int descriptor, const ScriptedServer& server) : _descriptor(descriptor), _server(server) {}
        ~Conversation();
        Conversation(const Conversation&) = delete;
        Conversation& operator=(const Conversation&) = delete;

        /// Reads one request with its body; false: the other side has closed, or the server ends.
        bool readRequest();
        /// Reads the next bytes of any content.
        void readAnything();
        const std::string& head() const { return _head; } ///< of the last request: its first line and fields
        const std::string& body() const { return _body; }

        void send(const std::string& text);
        /// Sends a complete answer as an engine does.
        void answer(int status, const std::string& body, const std::string& contentType = "application/json; charset=UTF-8",
                    const std::string& fields = {});
        /// Sends a byte at a time with this pause, until the other side or the server ends.
        void drip(const std::string& text, std::chrono::milliseconds pause);
        /// Does nothing until the other side closes or the server ends.
        void hang();
        /// Closes so that the other side gets a reset.
        void reset();
        void close();

    private:
        bool awaitReadable();

        int _descriptor;
        const ScriptedServer& _server;
        std::string _read;
        std::string _head;
        std::string _body;
    };

    using Behaviour = std::function<void(Conversation&)>;

    explicit ScriptedServer(Behaviour behaviour);
    /// Listens on a unix socket instead.
    ScriptedServer(Behaviour behaviour, std::string path);
    /// A server that answers each request on each connection with this.
    static Behaviour answering(int status, std::string body, std::string contentType = "application/json");
    ~ScriptedServer();

    std::string url() const;
    int port() const { return _port; }
    int connections() const { return _connections; }
    int requests() const { return _requests; }

    /// Sets the behaviour on connections from now on.
    void behave(Behaviour behaviour);
    /// Stops listening and closes open connections. listenAgain takes the same port.
    void stop();
    void listenAgain();

private:
    friend class Conversation;
    void listen();
    void listenAtPort();
    void listenAtPath();
    void serve();

    mutable std::mutex _mutex; // the behaviour and the threads
    Behaviour _behaviour;
    const std::string _path; // of a unix socket; empty: a port
    int _port = 0;
    int _listener = -1;
    int _ending = -1; // an eventfd that becomes readable when the server ends
    std::atomic<int> _connections{0};
    mutable std::atomic<int> _requests{0};
    std::vector<std::jthread> _conversations;
    std::jthread _acceptor;
};

} // namespace Leasehold
