#pragma once

#include "net/HttpMessage.h"

#include <string>

namespace Leasehold::Etcd
{

/// What an answer means for the store.
enum class Meaning
{
    done,
    leaseMissing,      ///< a Txn named a lease that has ended; nothing was carried out
    leaseExists,       ///< the id of a new lease is taken
    compacted,         ///< the revision that was asked for is gone
    tokenRefused,      ///< nothing was carried out; a new token may help
    authenticationOff, ///< the servers need no token
    wrongNode,         ///< nothing was carried out, and another node can
    nodeFailed,        ///< as unavailable, and another node may answer
    unavailable,       ///< another attempt may succeed; whether this one took effect is unknown
    contentRefused,    ///< etcd refuses this request for its size; nothing was carried out
    permanent          ///< another attempt does not help
};

struct Verdict
{
    Meaning meaning = Meaning::permanent;
    std::string why{}; ///< for people, without secrets: the status, and what to do
};

/// Judges an answer by its code and its message: the status of one error differs between versions.
Verdict judge(const Net::HttpAnswer& answer);
/// Judges what a stream tells in a line that is not one of its results.
Verdict judgeError(int status, const std::string& body);

} // namespace Leasehold::Etcd
