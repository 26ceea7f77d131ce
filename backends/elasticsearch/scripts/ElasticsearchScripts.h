#pragma once

#include <string_view>

/// The painless scripts of the Elasticsearch store: the rule table of LeaseRules.h, restated to run inside the engine, one atomic step
/// each. Their text is constant, and values come as parameters, because an engine compiles each new text and limits how many it compiles.
/// The fake server recognises them by this text.
///
/// A document has the fields name, token, standing (held, broken, released, freed), fence, acquired, expires, ttl, metadata (the JSON text
/// as given), now (the engine's clock at the last change) and, while a process waits, wanted (the end of this note). Times and ttl are in
/// milliseconds. Scripts of 0.1.0 do not change `wanted`, so both versions can use one index.
///
/// - The clock is System.currentTimeMillis(), because ctx._now is cached and lags, which would allow two holders.
/// - A step that changes nothing is a noop. It answers by `now` and `answer`, two fields that a noop returns but does not store. A step
/// that
///   changes something shows in the result of the update.
/// - A missing parameter is null and equals a missing field, so the scripts test tokens for null.
namespace Leasehold::ElasticsearchScripts
{

/// Parameters: name, token, ttl, metadata, floor, spare, wantedFor. answer: held, spent, exhausted (the fence would exceed its maximum). A
/// script that only corrects the expiry of another holder's lease, or notes that the lock is wanted, is an update too: token and standing
/// tell whether the answer is a grant.
inline constexpr std::string_view acquire = R"painless(long now = System.currentTimeMillis();
def s = ctx._source;
boolean live = s.token != null && (s.standing == 'held' || s.standing == 'broken') && s.expires > now;
boolean ours = s.token != null && s.token == params.token;
s.now = now;
if (live && ours && s.standing == 'held') {
  if (s.expires < now + params.ttl) { s.expires = now + params.ttl; s.ttl = params.ttl; }
} else if (live) {
  boolean ahead = s.expires - now > s.ttl;
  boolean note = params.wantedFor > 0L && (s.wanted == null || s.wanted < now + params.wantedFor);
  if (ahead) { s.expires = now + s.ttl; }
  if (note) { s.wanted = now + 4L * params.wantedFor; }
  if (!ahead && !note) { s.answer = 'held'; ctx.op = 'noop'; }
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
    if (params.wantedFor > 0L) { s.remove('wanted'); }
  }
})painless";

/// Parameters: token, fence, ttl. Updated: renewed; noop: lost, with answer broken if this lease was broken.
inline constexpr std::string_view renew = R"painless(long now = System.currentTimeMillis();
def s = ctx._source;
boolean ours = s.token == params.token && s.fence == params.fence;
if (ours && s.standing == 'held' && s.expires > now) {
  s.expires = now + params.ttl; s.ttl = params.ttl; s.now = now;
} else {
  if (ours && (s.standing == 'broken' || s.standing == 'freed')) { s.answer = 'broken'; }
  ctx.op = 'noop';
})painless";

/// Parameters: token, fence. Updated: released; noop with answer: released (sent again), broken, notHeld. A released lock is wanted if
/// `wanted` is after `now`.
inline constexpr std::string_view release = R"painless(long now = System.currentTimeMillis();
def s = ctx._source;
boolean ours = s.token != null && s.token == params.token && s.fence == params.fence;
s.now = now;
if (ours && s.standing == 'held' && s.expires > now) {
  s.standing = 'released'; s.expires = now; s.metadata = '{}';
} else {
  if (ours && s.standing == 'released') { s.answer = 'released'; }
  else if (ours && (s.standing == 'broken' || s.standing == 'freed')) { s.answer = 'broken'; }
  else { s.answer = 'notHeld'; }
  ctx.op = 'noop';
})painless";

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

/// Parameter: retention. Deleted: forgotten; noop: not yet. The request must not ask for the source: an engine that deletes by a script and
/// must return the source answers 500 although it has deleted the document.
inline constexpr std::string_view prune = R"painless(long cut = System.currentTimeMillis() - params.retention;
def s = ctx._source;
if (s.expires != null && s.fence != null && s.expires < cut && s.fence < cut * 1000L) { ctx.op = 'delete'; }
else { ctx.op = 'noop'; })painless";

/// No parameters; with scripted_upsert. Shows whether the engine runs painless. Stores nothing.
inline constexpr std::string_view probe = "ctx.op = 'noop';";

/// A script field of a search: the engine's clock.
inline constexpr std::string_view now = "System.currentTimeMillis()";

} // namespace Leasehold::ElasticsearchScripts
