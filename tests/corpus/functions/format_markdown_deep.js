// threw: | cpu: | shows: 
export default () => String(format.markdown('> '.repeat(20000) + '['.repeat(20000))).slice(0, 0)
