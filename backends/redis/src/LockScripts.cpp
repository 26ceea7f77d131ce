#include "LockScripts.h"

#include <Poco/SHA1Engine.h>

#include <array>
#include <cstddef>

namespace Leasehold::Redis
{
namespace
{

// Numbers in these scripts are doubles, so they are exact to 2^53 - 1. A fence is written by '%.0f', because other conversions cut it, and
// because it is compared as text. TIME is called once: some servers go on counting while a script runs.

/// In each group: {'ok', now, longest ttl, then a reply for each lock}; or {'moved'} or {'gone'}: nothing was done, see the script `era`.
/// Acquire: {'granted'|'held', fence, acquired, ends, ttl, 1 if broken, metadata unless the grant is new}, {'spent'}, {'quiet'|'vanished',
/// ms},
/// {'overflow', last fence, microseconds}. Renewal: ttl, 0 lost, -1 broken. Release: 1 released, 2 and wanted, 0 not held, -1 broken.
/// A damaged record: {'trouble'}.
constexpr const char* stepsBody = R"lua(
-- KEYS era, names, ages, lock...
-- ARGV tag, publishing command, prefix of channels; for each lock: a|n|r (acquire, renew, release), name, token, floor|fence|fence, ttl,
--      metadata, reserved fences, how long the caller waits
local call, num = redis.call, tonumber
local era = call('HMGET', KEYS[1], 'tag', 'quiet', 'longest', 'before', 'since')
if era[1] ~= ARGV[1] then return {era[1] and 'moved' or 'gone'} end
local clock = call('TIME')
local us = clock[1] * 1000000 + clock[2]
local now = (us - us % 1000) / 1000
local quiet, current, since = num(era[2]), num(era[3]), num(era[5])
local longest = math.max(current, num(era[4])) -- of this period and of the one before, see noteTtl
if quiet - now > longest then -- the clock was ahead and has been set back
  quiet = now + longest
  call('HSET', KEYS[1], 'quiet', quiet)
end

local texts = {} -- of whole numbers: a number that is left to redis.call takes it longer, and most locks of a group have the same
local function text(number)
  local known = texts[number]
  if not known then
    known = string.format('%.0f', number)
    texts[number] = known
  end
  return known
end

-- A period lasts an hour, and no less than `longest`: so a ttl is known for as long as a lease that has it.
local function noteTtl(ttl)
  if now < since then -- the clock was set back
    since = now
    call('HSET', KEYS[1], 'since', now)
  end
  if now - since > math.max(3600000, longest) then
    call('HSET', KEYS[1], 'longest', ttl, 'before', current, 'since', now)
    current, since, longest = ttl, now, math.max(ttl, current)
  elseif ttl > current then
    call('HSET', KEYS[1], 'longest', ttl)
    current, longest = ttl, math.max(ttl, longest)
  end
end

local function answerOf(status, key, lock)
  return {status, lock.fence, lock.acquired, lock.ends, lock.ttl, lock.standing == 'b' and 1 or 0, call('HGET', key, 'm')}
end

local function acquire(key, lock, name, token, floor, ttl, metadata, spare, wantedFor)
  if lock.live and lock.standing == 'h' and lock.token == token then
    if now + ttl > lock.ends then
      lock.ends, lock.ttl = now + ttl, ttl
      noteTtl(ttl)
    end
    call('HSET', key, 'e', text(lock.ends), 'l', text(lock.ttl)) -- always a write: WAIT counts the last write of a connection
    return answerOf('granted', key, lock)
  end
  if lock.live then
    if lock.ends - now > lock.ttl then -- the clock was ahead
      lock.ends = now + lock.ttl
      call('HSET', key, 'e', lock.ends)
    end
    if wantedFor > 0 and lock.wanted < now + wantedFor then call('HSET', key, 'w', now + 4 * wantedFor) end
    return answerOf('held', key, lock)
  end
  if lock.token == token then return {'spent'} end
  if now < quiet then return {'quiet', quiet - now} end
  local most = 9007199254740991 - spare
  if lock.fence >= most or floor >= most or us > most then return {'overflow', lock.fence, us} end
  if not lock.token then
    if call('ZADD', KEYS[2], 0, name) == 0 then -- the name is known, but its record was deleted: its holder may still work
      call('HSET', key, 't', '?', 'f', text(us), 's', 'b', 'a', text(now), 'e', text(now + longest), 'l', text(longest), 'm', '{}')
      return {'vanished', longest}
    end
    call('ZADD', KEYS[3], text(now), name)
  end
  local fence = math.max(lock.fence + 1, floor + 1, us) + spare
  call('HSET', key, 't', token, 'f', text(fence), 's', 'h', 'a', text(now), 'e', text(now + ttl), 'l', text(ttl), 'm', metadata)
  if wantedFor > 0 and lock.wanted > 0 then call('HSET', key, 'w', 0) end
  noteTtl(ttl)
  return {'granted', fence, now, now + ttl, ttl, 0}
end

local function renew(key, lock, mine, ttl)
  if not (mine and lock.live and lock.standing == 'h') then return mine and (lock.standing == 'b' or lock.standing == 'x') and -1 or 0 end
  call('HSET', key, 'e', text(now + ttl), 'l', text(ttl))
  noteTtl(ttl)
  return ttl
end

local function release(key, lock, mine, name)
  local wanted = lock.wanted > now
  if mine and lock.live and lock.standing == 'h' then
    call('HSET', key, 's', 'r', 'e', text(now))
    if wanted then redis.pcall(ARGV[2], ARGV[3] .. name, '') end -- a user without this right must be able to release
    return wanted and 2 or 1
  end
  if mine and lock.standing == 'r' then return wanted and 2 or 1 end
  return mine and (lock.standing == 'b' or lock.standing == 'x') and -1 or 0
end

local function load(key)
  local r = redis.pcall('HMGET', key, 't', 'f', 's', 'e', 'a', 'l', 'w')
  if r.err then return nil end
  local lock = {token = r[1], fenceText = r[2], fence = num(r[2] or 0), standing = r[3], ends = num(r[4] or 0), acquired = num(r[5] or 0),
                ttl = num(r[6] or 0), wanted = num(r[7] or 0)}
  if not (lock.fence and lock.ends and lock.acquired and lock.ttl and lock.wanted) or (lock.token and not (r[2] and r[3] and r[6])) then
    return nil
  end
  lock.live = lock.token and (lock.standing == 'h' or lock.standing == 'b') and now < lock.ends
  return lock
end

local out = {'ok', now, 0}
for i = 4, #KEYS do
  local at = 8 * (i - 4) + 3
  local key, op, name, token, number, ttl = KEYS[i], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], num(ARGV[at + 5])
  local lock = load(key)
  if not lock then out[i] = {'trouble'}
  elseif op == 'a' then
    out[i] = acquire(key, lock, name, token, num(number), ttl, ARGV[at + 6], num(ARGV[at + 7]), num(ARGV[at + 8]))
  else
    local mine = lock.token == token and lock.fenceText == number
    out[i] = op == 'n' and renew(key, lock, mine, ttl) or op == 'r' and release(key, lock, mine, name)
  end
end
out[3] = longest
return out
)lua";

/// Replies {tag, ms of quiet left, longest ttl, id, schema, 'new'|'same'|'moved'|'other'}. new: there was no era. moved: another server
/// process has the data now. other: the era of this process is not the one that the caller knew.
constexpr const char* eraText = R"lua(#!lua flags=allow-oom
-- KEYS era
-- ARGV id for a new era, id that the caller knows or '', its longest ttl, 1 if the server keeps every change, schema, pause after a start
local info = redis.call('INFO', 'server')
local run = string.match(info, 'run_id:(%x+)') or ''
local clock = redis.call('TIME')
local now = clock[1] * 1000 + (clock[2] - clock[2] % 1000) / 1000
local e = redis.call('HMGET', KEYS[1], 'tag', 'quiet', 'longest', 'id', 'schema', 'before')
local how, quiet, id, schema = 'same', tonumber(e[2] or 0), e[4] or ARGV[1], e[5] or ARGV[5]
local longest = math.max(tonumber(e[3] or 0), tonumber(e[6] or 0))
local known, tag = ARGV[2], run .. ':' .. id
if not e[1] then how = 'new' elseif e[1] ~= tag then how = 'moved' end
if known ~= '' and known ~= id and how == 'same' then how = 'other' end
if how ~= 'same' and tonumber(schema) <= tonumber(ARGV[5]) then
  -- What is lost are leases of the era that the caller knew, or all that the data does not have any more.
  local lost = tonumber(ARGV[3])
  if how == 'other' then quiet = math.max(quiet, now + lost) end
  longest = math.max(longest, lost)
  if (how == 'new' and known ~= '') or (how == 'moved' and (ARGV[4] ~= '1' or (known ~= '' and known ~= id))) then
    quiet = math.max(quiet, now + longest)
  end
  local pause = tonumber(ARGV[6])
  if how == 'new' and known == '' and ARGV[4] ~= '1' and pause > 0 then -- a first use, or the server was restarted without its data
    -- The server counts its uptime between whole seconds of its clock, so it started within the second before `started`.
    local started = now - now % 1000 + 1000 - tonumber(string.match(info, 'uptime_in_seconds:(%d+)') or 0) * 1000
    quiet = math.max(quiet, started + pause)
    longest = math.max(longest, quiet - now) -- or the script `steps` would take the clock for one that was set back
  end
  redis.call('HSET', KEYS[1], 'tag', tag, 'quiet', quiet, 'longest', longest, 'before', 0, 'since', now, 'id', id, 'schema', schema)
end
return {tag, math.max(0, quiet - now), longest, id, schema, how}
)lua";

/// Replies {now, then for each lock {fence, acquired, ends, ttl, 1 if broken, metadata}, 0 if it is not live, or 'trouble'}. It does not
/// declare that it only reads: so a replica refuses it.
constexpr const char* recordsText = R"lua(#!lua flags=allow-oom
-- KEYS era, lock...
local clock = redis.call('TIME')
local now = clock[1] * 1000 + (clock[2] - clock[2] % 1000) / 1000
local out = {now}
for i = 2, #KEYS do
  local r = redis.pcall('HMGET', KEYS[i], 'f', 's', 'a', 'e', 'l', 'm')
  local fence, acquired, ends, ttl
  if not r.err then fence, acquired, ends, ttl = tonumber(r[1] or 0), tonumber(r[3] or 0), tonumber(r[4] or 0), tonumber(r[5] or 0) end
  if not (fence and acquired and ends and ttl) then out[i] = 'trouble'
  elseif (r[2] == 'h' or r[2] == 'b') and now < ends then out[i] = {fence, acquired, ends, ttl, r[2] == 'b' and 1 or 0, r[6] or '{}'}
  else out[i] = 0 end
end
return out
)lua";

/// Replies {'ok', 1 or 0}, {'moved'} or {'gone'}.
constexpr const char* breakText = R"lua(#!lua flags=allow-oom
-- KEYS era, lock
-- ARGV tag, fence, now|end, publishing command, channel
local tag = redis.call('HGET', KEYS[1], 'tag')
if tag ~= ARGV[1] then return {tag and 'moved' or 'gone'} end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + (clock[2] - clock[2] % 1000) / 1000
local r = redis.call('HMGET', KEYS[2], 'f', 's', 'e')
if r[1] ~= ARGV[2] or (r[2] ~= 'h' and r[2] ~= 'b') or now >= tonumber(r[3]) then return {'ok', 0} end
if ARGV[3] == 'now' then
  redis.call('HSET', KEYS[2], 's', 'x', 'e', now)
  redis.pcall(ARGV[4], ARGV[5], '')
else
  redis.call('HSET', KEYS[2], 's', 'b')
end
return {'ok', 1}
)lua";

/// Replies an array of names.
constexpr const char* candidatesText = R"lua(#!lua flags=allow-oom
-- KEYS ages
-- ARGV retention in ms, greatest number of names
local clock = redis.call('TIME')
local now = clock[1] * 1000 + (clock[2] - clock[2] % 1000) / 1000
return redis.call('ZRANGE', KEYS[1], '-inf', '(' .. string.format('%.0f', now - tonumber(ARGV[1])), 'BYSCORE', 'LIMIT', 0, ARGV[2])
)lua";

/// Replies {'ok', number of forgotten records}, {'moved'} or {'gone'}. `ages` has for each name the time from which it may be forgotten; a
/// renewal does not change it, so this script does when it meets a record that is not old enough.
constexpr const char* forgetText = R"lua(#!lua flags=allow-oom
-- KEYS era, names, ages, lock...
-- ARGV tag, retention in ms, name...
local era = redis.call('HMGET', KEYS[1], 'tag', 'longest', 'before')
if era[1] ~= ARGV[1] then return {era[1] and 'moved' or 'gone'} end
local clock = redis.call('TIME')
local us = clock[1] * 1000000 + clock[2]
local now = (us - us % 1000) / 1000
local retention, longest, forgotten = tonumber(ARGV[2]), math.max(tonumber(era[2]), tonumber(era[3])), 0
for i = 4, #KEYS do
  local name, r = ARGV[i - 1], redis.call('HMGET', KEYS[i], 's', 'e', 'f')
  local ends, fence = tonumber(r[2] or 0), tonumber(r[3] or 0)
  local nextTime = now
  if not r[1] and not redis.call('ZSCORE', KEYS[2], name) then
    nextTime = nil -- another caller has just forgotten it
  elseif not r[1] then -- deleted by another program: its holder may still work
    redis.call('HSET', KEYS[i], 't', '?', 'f', string.format('%.0f', us), 's', 'b', 'a', now, 'e', now + longest, 'l', longest, 'm', '{}')
  elseif not ((r[1] == 'h' or r[1] == 'b') and now < ends) then
    nextTime = math.max(ends, math.floor(fence / 1000))
    if now - ends > retention and fence < us - retention * 1000 then
      nextTime = nil
      redis.call('DEL', KEYS[i])
      redis.call('ZREM', KEYS[2], name)
      forgotten = forgotten + 1
    end
  end
  if nextTime then redis.call('ZADD', KEYS[3], nextTime, name) else redis.call('ZREM', KEYS[3], name) end
end
return {'ok', forgotten}
)lua";

/// Replies an array of commands. A user who lacks one would learn of it only in the middle of a script.
constexpr const char* rightsText = R"lua(#!lua flags=allow-oom
-- KEYS era, names, ages, a lock
-- ARGV 1 if WAIT is needed
local missing = {}
local function need(...)
  if not redis.acl_check_cmd(...) then missing[#missing + 1] = (select(1, ...)) end
end
need('TIME')
need('INFO', 'server')
need('HGET', KEYS[1], 'tag')
need('HMGET', KEYS[4], 'f')
need('HSET', KEYS[4], 'f', '1')
need('ZADD', KEYS[2], '0', 'a')
need('ZADD', KEYS[3], '0', 'a')
need('ZRANGE', KEYS[3], '0', '1')
need('ZRANGEBYLEX', KEYS[2], '-', '+')
need('ZREM', KEYS[2], 'a')
need('ZSCORE', KEYS[2], 'a')
need('DEL', KEYS[4])
if ARGV[1] == '1' then need('WAIT', '1', '1') end
return missing
)lua";

constexpr std::size_t scriptCount = 8;

struct Loaded
{
    std::string text{};
    std::string digest{};
};

/// In the order of Script.
const std::array<Loaded, scriptCount>& loaded()
{
    static const auto all = []
    {
        const std::array<std::string, scriptCount> texts{"#!lua" + std::string(stepsBody),
                                                         "#!lua flags=allow-oom" + std::string(stepsBody),
                                                         eraText,
                                                         recordsText,
                                                         breakText,
                                                         candidatesText,
                                                         forgetText,
                                                         rightsText};
        std::array<Loaded, scriptCount> result;
        for (std::size_t index = 0; index < scriptCount; ++index)
        {
            Poco::SHA1Engine sha1;
            sha1.update(texts[index]);
            result[index] = {texts[index], Poco::DigestEngine::digestToHex(sha1.digest())};
        }
        return result;
    }();
    return all;
}

} // namespace

void addScripts(Commands& commands)
{
    for (const auto& script : loaded())
        commands.add({"SCRIPT", "LOAD", script.text});
}

const std::string& digestOf(Script script)
{
    return loaded()[static_cast<std::size_t>(script)].digest;
}

Keys::Keys(const std::string& prefix) :
    era("{" + prefix + "}:era"), names("{" + prefix + "}:names"), ages("{" + prefix + "}:ages"), locks("{" + prefix + "}:l:"),
    channels("{" + prefix + "}:free:")
{
}

} // namespace Leasehold::Redis
