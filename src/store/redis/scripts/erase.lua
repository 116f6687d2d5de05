-- Takes a profile away, if it is as it was read.
-- KEYS: profile, log, seen, unfolded, bearers, timers of the profile, timer data, due, lists of the profile. ARGV: token or nothing,
-- id, entries of the log, number of bearers.
-- Out: how many timers went, or -1 if it has changed.
local is_as_read = (redis.call('HGET', KEYS[1], 'token') or '') == ARGV[1]
    and redis.call('LLEN', KEYS[2]) == tonumber(ARGV[3])
    and redis.call('HLEN', KEYS[5]) == tonumber(ARGV[4])
if not is_as_read then
    return -1
end
local id = ARGV[2]
local names = redis.call('SMEMBERS', KEYS[6])
for _, name in ipairs(names) do
    redis.call('ZREM', KEYS[8], id .. '\0' .. name)
    redis.call('HDEL', KEYS[7], id .. '\0' .. name)
end
for place = 9, #KEYS do
    redis.call('SREM', KEYS[place], id)
end
redis.call('ZREM', KEYS[3], id)
redis.call('SREM', KEYS[4], id)
redis.call('DEL', KEYS[1], KEYS[2], KEYS[5], KEYS[6])
return #names
