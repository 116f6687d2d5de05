-- Gives out timers to one who asks: those that are still due when they were said to be.
-- KEYS: timer data, due. ARGV: when they are due again, timers as own name, due.
-- Out: the data of each, or nil.
local given = {}
for place = 2, #ARGV, 2 do
    local is_due = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[place])) == tonumber(ARGV[place + 1])
    given[#given + 1] = is_due and redis.call('HGET', KEYS[1], ARGV[place])
    if is_due then
        redis.call('ZADD', KEYS[2], ARGV[1], ARGV[place])
    end
end
return given
