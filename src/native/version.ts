/** Of this package and of the addon that belongs to it: their calls differ between versions without notice. */
export const VERSION = '0.1.0';
