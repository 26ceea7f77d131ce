#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace Leasehold::Elasticsearch
{

/// The cause of an error, which engines tell only in the text of its reason.
enum class EngineCause
{
    none,
    breaker,           ///< a circuit breaker: too much load at the moment
    noPainless,        ///< this node cannot run painless scripts
    scriptsDisabled,   ///< its settings forbid scripts
    shardLimit,        ///< the cluster has the maximum number of shards
    dataStreamTemplate ///< a template allows only data streams to have this name
};

/// An engine's error. Its `reason` may repeat the request with the token in it, so only known causes and the names of actions are taken
/// from it.
struct EngineError
{
    std::string type{};
    std::string indexUuid{};
    std::string actions{}; ///< that the user has no right to, as the engine names them: "indices:data/write/update"; empty: it names none
    EngineCause cause = EngineCause::none;

    bool isSet() const noexcept { return !type.empty() || cause != EngineCause::none; }
};

/// The fields of a lock's document in an answer; absent ones are empty.
struct EngineDocument
{
    std::optional<std::string> name{}, token{}, standing{}, metadata{}, answer{};
    std::optional<std::int64_t> fence{}, acquired{}, expires{}, ttl{}, now{}, wanted{};
};

/// The answer to one operation: the whole answer to an `_update`, or one item of a `_bulk`.
struct EngineItem
{
    int status = 0;
    std::string result{}; ///< created, updated, deleted, noop
    std::optional<EngineDocument> document{};
    EngineError error{};
};

/// One parsed answer of an engine.
struct EngineAnswer
{
    EngineItem whole{};                 ///< the answer to an `_update`; of a `_bulk` the status, and the error if it failed as a whole
    std::vector<EngineItem> items{};    ///< of a `_bulk`, in the order of the request
    std::vector<EngineDocument> hits{}; ///< of a search
    bool readable = false;              ///< false: the body was not the JSON of an engine
};

/// Parses an answer with this status. Never throws because of its content.
EngineAnswer readEngineAnswer(int status, const std::string& contentType, const std::string& body);

} // namespace Leasehold::Elasticsearch
