// threw: | never_settles: | unsettled:
export default () => Promise.race([])
