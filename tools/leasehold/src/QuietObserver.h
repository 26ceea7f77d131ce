#pragma once

#include "Leasehold/LockObserver.h"

namespace Leasehold::Tool
{

/// For commands that keep no lock: their output is the answer, and there are no messages.
class QuietObserver : public LockObserver
{
};

} // namespace Leasehold::Tool
