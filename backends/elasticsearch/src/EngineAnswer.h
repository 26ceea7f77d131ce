#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace Leasehold
{

/// What an engine says went wrong. Its `reason` is left out on purpose: it can repeat the request, with the token in it.
struct EngineError
{
    std::string type{};
    std::string indexUuid{};
    bool breaker = false;    ///< a circuit breaker is among the causes: too much at the moment
    bool noPainless = false; ///< this node cannot run painless scripts

    bool isSet() const noexcept { return !type.empty() || breaker || noPainless; }
};

/// The fields of a lock's document that an answer carries; absent ones are empty.
struct EngineDocument
{
    std::optional<std::string> name{}, token{}, standing{}, metadata{}, answer{};
    std::optional<std::int64_t> fence{}, acquired{}, expires{}, ttl{}, now{};
};

/// The answer to one operation: the whole answer to an `_update`, or one item of a `_bulk`.
struct EngineItem
{
    int status = 0;
    std::string result{}; ///< created, updated, deleted, noop
    std::optional<EngineDocument> document{};
    EngineError error{};
};

/// One answer of an engine, read.
struct EngineAnswer
{
    EngineItem whole{};                 ///< of an `_update`; of a `_bulk` its status and error, if it failed as a whole
    std::vector<EngineItem> items{};    ///< of a `_bulk`, in the order of the request
    std::vector<EngineDocument> hits{}; ///< of a search
    bool readable = false;              ///< false: the body was not the JSON of an engine
};

/// Reads what came with this status. Never throws for what is in it.
EngineAnswer readEngineAnswer(int status, const std::string& contentType, const std::string& body);

} // namespace Leasehold
