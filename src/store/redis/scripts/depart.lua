-- From now on a visitor stands for a customer; what was known of the visitor is put aside, to be brought there.
-- KEYS: alias, profile, log, moves, seen, unfolded, timers of the visitor, timer data, due, parcel's profile, log and timers, lists of
-- the profile. ARGV: token or nothing, visitor, customer, move, what the move is.
-- Out: 0 if the profile has changed since it was read; 1 and the alias before, or nil; 2 and the alias if it stands for that
-- customer already.
local alias = redis.call('GET', KEYS[1])
if alias and string.sub(alias, 17) == ARGV[3] then
    return { 2, alias }
end
if (redis.call('HGET', KEYS[2], 'token') or '') ~= ARGV[1] then
    return { 0, false }
end
local visitor = ARGV[2]
redis.call('SET', KEYS[1], ARGV[4] .. ARGV[3])
for place = 13, #KEYS do
    redis.call('SREM', KEYS[place], visitor)
end
for from, to in pairs({ [2] = 10, [3] = 11 }) do
    if redis.call('EXISTS', KEYS[from]) == 1 then
        redis.call('RENAME', KEYS[from], KEYS[to])
    end
end
redis.call('ZREM', KEYS[5], visitor)
redis.call('SREM', KEYS[6], visitor)
for _, name in ipairs(redis.call('SMEMBERS', KEYS[7])) do
    local timer = visitor .. '\0' .. name
    local due, data = redis.call('ZSCORE', KEYS[9], timer), redis.call('HGET', KEYS[8], timer)
    redis.call('RPUSH', KEYS[12], name, due, data)
    redis.call('ZREM', KEYS[9], timer)
    redis.call('HDEL', KEYS[8], timer)
end
redis.call('DEL', KEYS[7])
redis.call('HSET', KEYS[4], ARGV[4], ARGV[5])
return { 1, alias }
