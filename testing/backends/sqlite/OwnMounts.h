#pragma once

#include <functional>
#include <string>

namespace Leasehold
{

/// Runs `work`, which must return true, in a child process with its own mount namespace. If this user may not mount, prints to stderr that
/// `what` was not tested.
void withOwnMounts(const char* what, const std::function<bool()>& work);

/// Throws std::runtime_error if the mount fails.
void mountFileSystem(const char* type, const std::string& place, const char* options);
void mountElsewhere(const std::string& source, const std::string& place);

} // namespace Leasehold
