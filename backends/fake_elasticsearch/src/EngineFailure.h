#pragma once

#include "JsonTree.h"

#include <string>

namespace Leasehold::Fake
{

/// A request, or an item of a bulk, that an engine refuses.
struct Failure
{
    int status = 0;
    Object error{};     ///< type, reason, and what else belongs to it
    Object root{};      ///< what the engine calls its root cause; null: the same without causes
    std::string text{}; ///< instead of the object, an error that is a plain text

    /// The body of the whole answer.
    Object body() const;
};

Failure failure(int status, const std::string& type, const std::string& reason, const Object& causedBy = {});
/// An error that is a plain text.
Failure plainFailure(int status, const std::string& text);
/// What an engine may know, but not the fake: it says so rather than to answer wrongly.
Failure unsupported(const std::string& what);

Failure indexMissing(const std::string& name);
/// What require_alias finds wrong.
Failure aliasMissing(const std::string& name);
Failure documentMissing(const std::string& id, const std::string& index, const std::string& uuid);
/// A painless script that met null where it needs a number.
Failure scriptFailed();
Failure badJson(Parsed::Trouble trouble);

} // namespace Leasehold::Fake
