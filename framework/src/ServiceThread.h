#pragma once

#include <functional>
#include <thread>

namespace Leasehold
{

/// Starts a thread of the library, with every signal blocked: the application's handlers run on the application's threads. Throws
/// std::system_error if the system has no thread left.
std::thread startServiceThread(std::function<void()> work);

} // namespace Leasehold
