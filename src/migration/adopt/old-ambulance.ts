import type { NewVehicle, VehicleType } from '../../vehicles/index.js';

/** A document of the collection `ambulances`. */
export interface OldAmbulance {
  /** 24 hexadecimal digits; null when `_id` is no ObjectId. */
  readonly id: string | null;
  readonly displayId: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The vehicle that is made of an ambulance. */
export interface AdoptedVehicle extends NewVehicle {
  readonly boxCode: string | null;
}

/** The vehicle type for each `type_id`. A missing `type_id` means `other`. */
export type TypeMap = ReadonlyMap<string, VehicleType>;

const CALL_SIGN_LENGTH = 40;
const REGISTRATION_LENGTH = 20;
const BOX_CODE_LENGTH = 64;

/** Names may still collide with others; `planAdoption` solves that. Null: the document has no name, number or box code. */
export function vehicleOf({ fields }: OldAmbulance, types: TypeMap): AdoptedVehicle | null {
  const code = textOf(fields['ambulance_box_code']);
  const callSign = textOf(fields['name1']) || textOf(fields['name2']) || textOf(fields['number']) || code;
  if (callSign === '') return null;
  const registration = textOf(fields['number']) || code || callSign;
  return {
    callSign: cut(callSign, CALL_SIGN_LENGTH),
    registration: cut(registration, REGISTRATION_LENGTH),
    type: types.get(textOf(fields['type_id'])) ?? 'other',
    status: isFalse(fields['isactive']) || isDeleted({ fields }) ? 'out_of_service' : 'available',
    boxCode: code === '' || code.length > BOX_CODE_LENGTH ? null : code,
  };
}

export function isDeleted({ fields }: Pick<OldAmbulance, 'fields'>): boolean {
  const { isdeleted } = fields;
  return isdeleted === true || isdeleted === 1 || isdeleted === '1' || isdeleted === 'true';
}

/**
 * Whether the operators' API can read a box code: its lists convert the codes of all ambulances to 32-bit integers, and one
 * that fails is the failure of the whole list.
 */
export function isReadableBoxCode(code: string): boolean {
  return /^[+-]?\d+$/.test(code) && Math.abs(Number(code)) <= 0x7fff_ffff;
}

/** The name with ` (mark)` at the end, shortened to the maximum length. */
export function disambiguate(name: string, mark: string, isRegistration: boolean): string {
  const tail = ` (${mark})`;
  return cut(name, (isRegistration ? REGISTRATION_LENGTH : CALL_SIGN_LENGTH) - tail.length) + tail;
}

/** One line: control characters would break tables. Outer spaces are removed. */
function textOf(value: unknown): string {
  const text =
    typeof value === 'string' || typeof value === 'number' ? String(value) : String(hexOf(value) ?? '');
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ').trim();
}

function hexOf(value: unknown): string | null {
  const { toHexString } = (value ?? {}) as { readonly toHexString?: () => string };
  return typeof toHexString === 'function' ? toHexString.call(value) : null;
}

function isFalse(value: unknown): boolean {
  return value === false || value === 0 || value === '0' || value === 'false';
}

function cut(text: string, length: number): string {
  // Cuts between characters: half a surrogate pair has no UTF-8 form.
  let kept = '';
  for (const character of text) {
    if (kept.length + character.length > length) break;
    kept += character;
  }
  return kept.trim();
}
