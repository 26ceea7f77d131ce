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

/// A server on a free loopback port whose behaviour on each connection is a function of the test: it can answer wrongly in every
/// way, which a real HTTP server cannot.
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
        /// Reads what comes next, whatever it is.
        void readAnything();
        const std::string& head() const { return _head; } ///< of the last request: its first line and fields
        const std::string& body() const { return _body; }

        void send(const std::string& text);
        /// A whole answer of the engine's kind.
        void answer(int status, const std::string& body, const std::string& contentType = "application/json; charset=UTF-8",
                    const std::string& fields = {});
        /// A byte at a time, with this pause, until the other side or the server ends.
        void drip(const std::string& text, std::chrono::milliseconds pause);
        /// Does nothing until the other side closes or the server ends.
        void hang();
        /// Closes so that the other side sees a reset.
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
    /// A server that answers each request on each connection with this.
    static Behaviour answering(int status, std::string body, std::string contentType = "application/json");
    ~ScriptedServer();

    std::string url() const;
    int port() const { return _port; }
    int connections() const { return _connections; }
    int requests() const { return _requests; }

    /// From now on connections are treated so.
    void behave(Behaviour behaviour);
    /// Stops listening and closes what is open; listenAgain takes the same port.
    void stop();
    void listenAgain();

private:
    friend class Conversation;
    void listen();
    void serve();

    mutable std::mutex _mutex; // the behaviour and the threads
    Behaviour _behaviour;
    int _port = 0;
    int _listener = -1;
    int _ending = -1; // an eventfd that becomes readable when the server ends
    std::atomic<int> _connections{0};
    mutable std::atomic<int> _requests{0};
    std::vector<std::jthread> _conversations;
    std::jthread _acceptor;
};

} // namespace Leasehold
