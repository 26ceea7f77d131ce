#include "Leasehold/MemoryLockStore.h"
namespace Leasehold { void registerMemoryStore(StoreRegistry&) {} }
