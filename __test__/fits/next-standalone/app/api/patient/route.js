import { CacheKitError } from 'cachekit-native';
import { getPatient } from '../../../lib/patients.js';

export const dynamic = 'force-dynamic';

export async function GET() {
  try {
    const { born, ...patient } = await getPatient(7);
    return Response.json({ ...patient, born: born.getTime(), status: (await getPatient.entry(7)).status });
  } catch (error) {
    return Response.json({ failed: error instanceof CacheKitError }, { status: 500 });
  }
}
