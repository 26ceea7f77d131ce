#include "Leasehold/ElasticsearchLockStore.h"
namespace Leasehold { void registerElasticsearchStore(StoreRegistry&) {} }
