-- Writes what a visitor brings behind what is known of a customer, once.
-- KEYS: arrived, profile, log, seen, unfolded, bearers, timers of the customer, timer data, due. ARGV: seconds for which it is known
-- that it arrived, new token, customer, visitor, move, last seen, entry, timers as name, due, data.
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then
    return 0
end
local customer = ARGV[3]
redis.call('HSETNX', KEYS[2], 'token', ARGV[2])
redis.call('RPUSH', KEYS[3], ARGV[7])
redis.call('ZADD', KEYS[4], 'GT', ARGV[6], customer)
redis.call('SADD', KEYS[5], customer)
redis.call('HSET', KEYS[6], ARGV[4], ARGV[5])
for place = 8, #ARGV, 3 do
    local timer = customer .. '\0' .. ARGV[place]
    redis.call('SADD', KEYS[7], ARGV[place])
    redis.call('ZADD', KEYS[9], ARGV[place + 1], timer)
    redis.call('HSET', KEYS[8], timer, ARGV[place + 2])
end
return 1
