#pragma once

#include "Leasehold/LockObserver.h"

namespace Leasehold::Tool
{

/// For commands that take no lock: there is nothing to tell beside their answer.
class QuietObserver : public LockObserver
{
};

} // namespace Leasehold::Tool
