#pragma once

#include "Leasehold/Export.h"

#include <functional>
#include <thread>

namespace Leasehold
{

/// Starts a thread of the library or of a store with every signal blocked, so that the application's handlers run on its own threads.
/// Throws std::system_error if the system has no thread left.
LEASEHOLD_EXPORT std::thread startServiceThread(std::function<void()> work);

} // namespace Leasehold
