#pragma once

#include <stdexcept>
#include <string>

namespace Leasehold::Net
{

/// A call to a server that has no answer. (An answer of whatever status is no failure.)
class CallFailure : public std::runtime_error
{
public:
    enum class Outcome
    {
        notSent, ///< surely: the server has not seen the request
        unknown  ///< the server may have carried it out, or may do so later
    };

    /// `permanent`: another attempt will not help before an operator repairs something.
    CallFailure(Outcome outcome, const std::string& what, bool permanent = false) :
        std::runtime_error(what), _outcome(outcome), _permanent(permanent)
    {
    }

    Outcome outcome() const noexcept { return _outcome; }
    bool isPermanent() const noexcept { return _permanent; }

private:
    Outcome _outcome;
    bool _permanent;
};

} // namespace Leasehold::Net
