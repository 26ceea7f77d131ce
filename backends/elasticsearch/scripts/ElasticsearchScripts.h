#pragma once

#include <string_view>

/// The painless scripts of the Elasticsearch store: the rule table of LeaseRules.h, restated to run inside the engine, one
/// atomic step each. They are constant text (values come as parameters), because the engine compiles each new text and limits how
/// many it compiles. The fake server recognises them by this text.
///
/// A document has the fields name, token, standing (held, broken, released, freed), fence, acquired, expires, ttl, metadata (the
/// JSON text as given), and now: the engine's clock at its last change. Times and ttl are milliseconds.
///
/// - The clock is System.currentTimeMillis(): ctx._now is cached and lags, which gives two holders.
/// - A step that changes nothing is a noop, and what it has to say goes into fields that a noop answers but does not store: `now`
///   and `answer`. A step that changes something is told from the result of the update.
/// - A parameter that is missing is null and equals a field that is missing, so tokens are tested for null.
namespace Leasehold::ElasticsearchScripts
{

/// Parameters: name, token, ttl, metadata, floor, spare. answer: held, spent, exhausted (the fence would pass its greatest value). The
/// corrected expiry of a lease that stands in the way is an update too: only token and standing tell a grant.
inline constexpr std::string_view acquire = R"painless(long now = System.currentTimeMillis();
def s = ctx._source;
boolean live = s.token != null && (s.standing == 'held' || s.standing == 'broken') && s.expires > now;
boolean ours = s.token != null && s.token == params.token;
s.now = now;
if (live && ours && s.standing == 'held') {
  if (s.expires < now + params.ttl) { s.expires = now + params.ttl; s.ttl = params.ttl; }
} else if (live) {
  if (s.expires - now > s.ttl) { s.expires = now + s.ttl; } else { s.answer = 'held'; ctx.op = 'noop'; }
} else if (ours) {
  s.answer = 'spent'; ctx.op = 'noop';
} else {
  long most = 9007199254740991L - params.spare;
  long last = s.fence == null ? 0L : s.fence;
  long fence = now * 1000L;
  if (last >= most || params.floor >= most || fence > most) { s.answer = 'exhausted'; ctx.op = 'noop'; }
  else {
    if (fence <= last) { fence = last + 1L; }
    if (fence <= params.floor) { fence = params.floor + 1L; }
    s.name = params.name; s.token = params.token; s.standing = 'held'; s.fence = fence + params.spare;
    s.acquired = now; s.expires = now + params.ttl; s.ttl = params.ttl; s.metadata = params.metadata;
  }
})painless";

/// Parameters: token, fence, ttl. Updated: renewed; noop: lost.
inline constexpr std::string_view renew = R"painless(long now = System.currentTimeMillis();
def s = ctx._source;
if (s.standing == 'held' && s.token == params.token && s.fence == params.fence && s.expires > now) {
  s.expires = now + params.ttl; s.ttl = params.ttl; s.now = now;
} else { ctx.op = 'noop'; })painless";

/// Parameters: token, fence. Updated: released; noop with answer: released (again), notHeld.
inline constexpr std::string_view release = R"painless(long now = System.currentTimeMillis();
def s = ctx._source;
boolean ours = s.token != null && s.token == params.token && s.fence == params.fence;
if (ours && s.standing == 'held' && s.expires > now) {
  s.standing = 'released'; s.expires = now; s.metadata = '{}'; s.now = now;
} else { s.answer = ours && s.standing == 'released' ? 'released' : 'notHeld'; ctx.op = 'noop'; })painless";

/// Parameters: fence, mode (whenItEnds, now). Updated: broken; noop: not live with this fence.
inline constexpr std::string_view breakLock = R"painless(long now = System.currentTimeMillis();
def s = ctx._source;
if (s.token != null && (s.standing == 'held' || s.standing == 'broken') && s.expires > now && s.fence == params.fence) {
  if (params.mode == 'now') { s.standing = 'freed'; s.expires = now; } else { s.standing = 'broken'; }
  s.now = now;
} else { ctx.op = 'noop'; })painless";

/// No parameters; always a noop. answer: live, dead.
inline constexpr std::string_view find = R"painless(long now = System.currentTimeMillis();
def s = ctx._source;
s.now = now;
s.answer = s.token != null && (s.standing == 'held' || s.standing == 'broken') && s.expires > now ? 'live' : 'dead';
ctx.op = 'noop';)painless";

/// Parameter: retention. Deleted: forgotten; noop: not yet. The source must not be asked for: an engine that deletes by a
/// script and shall return the source answers 500 although it has deleted.
inline constexpr std::string_view prune = R"painless(long cut = System.currentTimeMillis() - params.retention;
def s = ctx._source;
if (s.expires != null && s.fence != null && s.expires < cut && s.fence < cut * 1000L) { ctx.op = 'delete'; }
else { ctx.op = 'noop'; })painless";

/// No parameters; with scripted_upsert. Tells whether the engine runs painless at all, and stores nothing.
inline constexpr std::string_view probe = "ctx.op = 'noop';";

/// A script field of a search: the engine's clock.
inline constexpr std::string_view now = "System.currentTimeMillis()";

} // namespace Leasehold::ElasticsearchScripts
