-- Takes a timer away.
-- KEYS: alias, timers of the profile, timer data, due. ARGV: 1 to follow the alias, name, the timer's own name.
-- Out: the alias, if there is one: nothing is done then; whether there was a timer.
local alias = ARGV[1] == '1' and redis.call('GET', KEYS[1])
if alias then
    return { alias, 0 }
end
redis.call('SREM', KEYS[2], ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[3])
return { false, redis.call('ZREM', KEYS[4], ARGV[3]) }
