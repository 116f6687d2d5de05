-- Keeps items, each unless a newer reading of it is kept.
-- KEYS: items. ARGV: items as key, time, data.
-- Out: how many were kept.
local kept = 0
for place = 1, #ARGV, 3 do
    local before = redis.call('HGET', KEYS[1], ARGV[place])
    if not before or tonumber(string.match(before, '^-?%d+')) <= tonumber(ARGV[place + 1]) then
        redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1] .. ' ' .. ARGV[place + 2])
        kept = kept + 1
    end
end
return kept
