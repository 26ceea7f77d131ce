#pragma once

#include <stdexcept>
#include <string>

namespace Leasehold
{

/// No answer to a request. (An answer of whatever status is no failure.)
class HttpFailure : public std::runtime_error
{
public:
    enum class Outcome
    {
        notSent, ///< surely: the node has not seen the request
        unknown  ///< it may have been carried out, or be carried out later
    };

    /// `permanent`: another try will not help before somebody repairs something.
    HttpFailure(Outcome outcome, const std::string& what, bool permanent = false) :
        std::runtime_error(what), _outcome(outcome), _permanent(permanent)
    {
    }

    Outcome outcome() const noexcept { return _outcome; }
    bool isPermanent() const noexcept { return _permanent; }

private:
    Outcome _outcome;
    bool _permanent;
};

} // namespace Leasehold
