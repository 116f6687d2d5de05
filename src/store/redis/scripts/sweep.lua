-- What is to be tidied up in a shard.
-- KEYS: seen, unfolded, moves. ARGV: the time before which who was last seen is old, how many of each at most.
-- Out: ids of the old, ids of the unfolded, moves that have not arrived with what they are.
return {
    redis.call('ZRANGE', KEYS[1], '(0', '(' .. ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[2]),
    redis.call('SRANDMEMBER', KEYS[2], ARGV[2]),
    redis.call('HRANDFIELD', KEYS[3], ARGV[2], 'WITHVALUES'),
}
