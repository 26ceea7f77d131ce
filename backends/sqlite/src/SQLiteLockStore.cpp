#include "Leasehold/SQLiteLockStore.h"
namespace Leasehold { void registerSQLiteStore(StoreRegistry&) {} }
