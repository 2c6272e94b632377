export default { ssr: process.env.INSIDE ? { noExternal: true } : {}, build: { target: 'node20' } };
