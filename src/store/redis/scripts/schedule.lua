-- Sets a timer.
-- KEYS: alias, timers of the profile, timer data, due. ARGV: 1 to follow the alias, name, the timer's own name, due, data.
-- Out: the alias, if there is one: nothing is set then.
local alias = ARGV[1] == '1' and redis.call('GET', KEYS[1])
if alias then
    return alias
end
redis.call('SADD', KEYS[2], ARGV[2])
redis.call('HSET', KEYS[3], ARGV[3], ARGV[5])
redis.call('ZADD', KEYS[4], ARGV[4], ARGV[3])
return false
