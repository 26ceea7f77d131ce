#pragma once

#include <string>
#include <sys/types.h>

namespace Leasehold
{

/// An interactive bash with job control on its own terminal. The test types at its keyboard.
class TerminalShell
{
public:
    TerminalShell();
    ~TerminalShell();
    TerminalShell(const TerminalShell&) = delete;
    TerminalShell& operator=(const TerminalShell&) = delete;

    static constexpr char ctrlC = 3;
    static constexpr char ctrlZ = 26;

    void type(const std::string& line) { press(line + "\r"); }
    void press(const std::string& keys);
    void press(char key) { press(std::string(1, key)); }

    /// Waits until the terminal shows the text after the text that was awaited before. The test fails after a minute. The terminal also
    /// shows typed text, so wait for output that only the shell can write.
    void waitFor(const std::string& text);

private:
    std::string _shown;
    int _terminal = -1;
    pid_t _pid = -1;
};

} // namespace Leasehold
