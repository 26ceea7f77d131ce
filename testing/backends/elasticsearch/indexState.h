#pragma once

namespace Leasehold
{

using namespace Elasticsearch;

/// The answer to GET for an index that the store has made; its uuid is "first".
inline constexpr const char* indexState =
    R"({"leasehold-1":{"mappings":{"dynamic":"false","_meta":{"schema":1},"properties":{"name":{"type":"keyword"},"standing":{"type":"keyword"},)"
    R"("fence":{"type":"long"},"expires":{"type":"date"}}},"settings":{"index":{"uuid":"first"}}}})";

} // namespace Leasehold
